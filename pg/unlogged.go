package pg

const unlogged = "pg_class"

var unloggedView = view{
	name: unlogged, most: 1, columns: []column{col("count(*)")},
	from: constant("FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'"),
}
