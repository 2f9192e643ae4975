package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// anAudit is the founding incident as two nodes' files tell it.
func anAudit() preflight.Report {
	s := &fact.Recording{Question: fact.Question{VIPs: []string{"10.0.0.100"}}, Snapshot: &fact.Snapshot{
		Schema: fact.SnapshotSchema, Tool: "test", TakenAt: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC),
		Target: fact.Target{Scope: "demo", Namespace: "/service"},
	}}
	for i, host := range []string{"10.0.0.21", "10.0.0.100"} {
		name := fmt.Sprintf("node%d", i+1)
		address := func(host string, port int) fact.NodeAddress {
			return fact.NodeAddress{
				Listen: fact.Known([]string{"0.0.0.0"}), ListenPort: fact.Known(port),
				Connect: fact.Known(fact.HostPort{Host: host, Port: port}),
			}
		}
		s.Files = append(s.Files, fact.NodeFile{
			ID:         name,
			Path:       name + ".yml",
			At:         map[string]string{"restapi.connect_address": name + ".yml, line 10"},
			Name:       fact.Known(name),
			Scope:      fact.Known("demo"),
			Namespace:  fact.Known("/service"),
			Group:      fact.Known(""),
			Store:      fact.Known(fact.NodeStore{Kind: "etcd3", Endpoints: []string{"e1:2379"}, Protocol: "http"}),
			REST:       address(host, 8008),
			SQL:        address(fmt.Sprintf("10.0.0.2%d", i+1), 5432),
			RESTLogin:  fact.Known(fact.NodeLogin{}),
			RESTClient: fact.Known(fact.NodeLogin{}),
			Superuser: fact.Known(
				fact.NodeLogin{},
			),
			Replication:       fact.Known(fact.NodeLogin{}),
			Rewind:            fact.Known(fact.NodeLogin{}),
			HTTPS:             fact.Known(false),
			VerifyClient:      fact.Known("none"),
			ClientCertificate: fact.Known(false),
			DataDir:           fact.NotKnown[string](fact.Absent, "postgresql.data_dir is not in the file"),
			Tags: fact.Known(
				fact.Tags{"clonefrom": true},
			),
			Parameters:  fact.Known(map[string]string{}),
			Watchdog:    fact.Known("automatic"),
			ClusterKeys: fact.Known([]string{}),
		})
	}
	return preflight.Audit(s.Snapshot, s.Question, check.Policies{})
}

func TestAuditGolden(t *testing.T) {
	r := anAudit()
	if r.Verdict != preflight.NoGo {
		t.Fatalf("%s", r.Verdict)
	}
	for file, format := range map[string]string{
		"text":   "text",
		"brief":  "brief",
		"md":     "markdown",
		"nagios": "nagios",
		"xml":    "junit",
	} {
		compareGolden(t, "testdata/audit."+file, render(t, format, r, Options{}))
	}
}

func TestAuditKeepsTheSchema(t *testing.T) {
	root := schema(t)
	doc := document(t, anAudit())
	for _, e := range validate(root, root, doc, "report") {
		t.Error(e)
	}
	delete(doc["files"].([]any)[0].(object), "rest")
	if errs := validate(root, root, doc, "report"); len(errs) != 1 {
		t.Errorf("a file without its address is accepted: %v", errs)
	}
}

func TestAuditFitsIntoEightyColumns(t *testing.T) {
	for l := range strings.Lines(string(render(t, "text", anAudit(), Options{Verbose: true}))) {
		if n := len(strings.TrimRight(l, "\n")); n > width {
			t.Errorf("%d columns: %q", n, l)
		}
	}
}
