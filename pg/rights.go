package pg

// rights is the database of the session and what the role may read in it.
const rights = "the database and the privileges in it"

// rightsView gives NULL for a function that the server does not have.
var rightsView = view{
	name: rights, most: 1,
	columns: []column{
		col("current_database()"),
		as("pg_ls_archive_statusdir()",
			"has_function_privilege(to_regprocedure('pg_ls_archive_statusdir()'), 'EXECUTE')"),
		as("pg_hba_file_rules", "has_function_privilege(to_regprocedure('pg_hba_file_rules()'), 'EXECUTE') AND "+
			"has_table_privilege(to_regclass('pg_hba_file_rules'), 'SELECT')"),
	},
}

// allowed is what the role may read. What it may not is left out, because each
// refusal is an error in the server's log.
type allowed struct{ ready, hba bool }

// rightsOf reads the answer to rightsView. Without an answer, or with NULL, the parts
// are asked and say themselves what is wrong.
func rightsOf(a answer) allowed {
	may := func(column string) bool {
		ok, known := value(cells{view: rightsView, answer: a}, column, parseTextBool).Get()
		return ok || !known
	}
	return allowed{ready: may("pg_ls_archive_statusdir()"), hba: may("pg_hba_file_rules")}
}

func (d decoder) allowed() allowed { return rightsOf(d.of(rightsView).answer) }
