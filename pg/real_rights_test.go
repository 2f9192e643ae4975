//go:build pgreal

package pg

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testLeastRights runs the statements of docs/least-privilege.md as they stand
// there, block by block, and looks at what they gave.
func testLeastRights(t *testing.T, one *server) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "least-privilege.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of SQL, want the role and what is optional", len(blocks))
	}
	sees := func() string {
		return one.sql(
			"SELECT pg_has_role('preflight', 'pg_read_all_stats', 'USAGE')::text || ' ' || pg_has_role('preflight', " +
				"'pg_read_all_settings', 'USAGE') || ' ' || " +
				"has_function_privilege('preflight', 'pg_ls_archive_statusdir()', 'EXECUTE') || ' ' || " +
				"(has_function_privilege('preflight', 'pg_hba_file_rules()', 'EXECUTE') AND has_table_privilege('preflight', " +
				"'pg_hba_file_rules', 'SELECT'))",
		)
	}
	for i, want := range []string{"true true true false", "true true true true"} {
		for stmt := range strings.SplitSeq(string(blocks[i][1]), ";") {
			if stmt = strings.TrimSpace(stmt); stmt != "" {
				one.sql(stmt)
			}
		}
		if got := sees(); got != want {
			t.Errorf("after block %d: %s, want %s", i+1, got, want)
		}
	}
	if got := one.sql(
		"SELECT rolsuper OR rolcreaterole OR rolreplication FROM pg_roles WHERE rolname = 'preflight'",
	); got != "f" {
		t.Errorf("the role may do more than read: %s", got)
	}
}
