package pg

import "patroni-preflight/preflight/fact"

const (
	extensions = "pg_extension"
	available  = "pg_available_extension_versions"
)

var extensionsView = view{
	name: extensions, most: listed, columns: []column{col("extname"), col("extversion")},
	from: constant("FROM pg_extension"),
}

// availableView says of each installed extension whether the server has the files of
// the installed version, and of any.
var availableView = view{
	name: available, most: listed,
	columns: []column{
		col("extname"),
		as("version", "coalesce(bool_or(version = extversion), false)"),
		as("any version", "count(version) > 0"),
	},
	from: constant("FROM pg_extension LEFT JOIN pg_available_extension_versions() ON name = extname GROUP BY extname"),
}

// pairs reads a name and its value in a column from each row.
func pairs[T any](c cells, column string, parse func(string) (T, error)) fact.Observed[map[string]T] {
	type pair struct {
		key   string
		value T
	}
	list := rows(c, func(c cells) fact.Observed[pair] {
		n := &record{cells: c}
		return complete(n, pair{given(n, "extname", parseText), given(n, column, parse)})
	})
	if !list.Known() {
		return fact.Because[map[string]T](list)
	}
	all := map[string]T{}
	for _, p := range list.Must() {
		all[p.key] = p.value
	}
	return fact.Known(all)
}
