package config

import (
	"fmt"
	"slices"
	"strings"
)

// refusal is one key that Patroni knows and this version cannot honour. To
// support a key, remove its row and read it.
type refusal struct {
	key string
	// harmless tells values that change nothing; nil: only an empty one does.
	harmless        func(r *reader, v *value) bool
	problem, remedy string
}

const (
	sqlRevoked = "lists of revoked certificates are not supported"
	noGSSAPI   = "GSSAPI encryption is not supported"
	unverified = "remove it, using a file (-c) with the other settings, if the certificate need not be checked against it"
	byTLS      = "remove it, using a file (-c) with the other settings, and use TLS (sslmode)"
)

// refusals is what is not supported. What matters to a write or to Patroni
// itself alone is not in it: ctl.authentication, restapi.authentication, tags,
// bootstrap, watchdog, the replication and rewind users.
var refusals = []refusal{
	{superuser + ".sslcrl", notVerified, sqlRevoked, unverified},
	{superuser + ".sslcrldir", notVerified, sqlRevoked, unverified},
	{superuser + ".gssencmode", oneOf("disable", "prefer"), noGSSAPI, byTLS},
}

// notVerified: libpq looks at revocation where it verifies the chain.
func notVerified(r *reader, v *value) bool {
	mode := strings.ToLower(r.text(superuser + ".sslmode"))
	return v.text == "" || r.text(superuser+".sslrootcert") == "" && !strings.HasPrefix(mode, "verify")
}

func oneOf(values ...string) func(*reader, *value) bool {
	return func(_ *reader, v *value) bool {
		return v.kind == scalar && slices.Contains(values, strings.ToLower(v.text))
	}
}

// refuse fails at the first row that applies, and names the other keys that the
// same problem has.
func (r *reader) refuse(rows []refusal) {
	var first *refusal
	var at *value
	var also []string
	for i, row := range rows {
		v := r.value(row.key)
		switch {
		case v == nil, row.harmless == nil && v.kind == scalar && v.text == "", row.harmless != nil && row.harmless(r, v):
		case first == nil:
			first, at = &rows[i], v
		case row.problem == first.problem && row.key != first.key:
			also = append(also, row.key)
		}
	}
	if first == nil {
		return
	}
	problem := first.problem
	if len(also) > 0 {
		problem = fmt.Sprintf("%s (also: %s)", problem, strings.Join(also, ", "))
	}
	r.fail(at, first.key, problem, first.remedy)
}
