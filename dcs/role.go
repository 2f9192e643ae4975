package dcs

import (
	"encoding/json"
	"slices"

	"patroni-preflight/preflight/fact"
)

// roleKeys are the keys of the section postgresql that Patroni 4.2 reads for one role
// (patroni/postgresql/config.py, build_effective_postgresql_configuration).
var roleKeys = []string{
	"parameters_primary", "parameters_replica", "pg_hba_primary", "pg_hba_replica", "pg_ident_primary", "pg_ident_replica",
}

// roleBased lists those that are set.
func (d doc) roleBased() fact.Observed[[]string] {
	raw, ok := d.fields["postgresql"]
	if !ok {
		return fact.Known([]string{})
	}
	var section map[string]json.RawMessage
	if err := json.Unmarshal(raw, &section); err != nil {
		return malformed[[]string](d, "postgresql", raw, "an object")
	}
	set := []string{}
	for key, value := range section {
		if slices.Contains(roleKeys, key) && !slices.Contains([]string{"null", "{}", "[]", `""`}, string(value)) {
			set = append(set, key)
		}
	}
	slices.Sort(set)
	return fact.Known(set)
}
