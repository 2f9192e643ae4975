package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
)

// anAudit is the founding incident as two nodes' files tell it.
func anAudit() preflight.Report {
	s := &preflight.Recording{Question: preflight.Question{VIPs: []string{"10.0.0.100"}}, Snapshot: &preflight.Snapshot{
		Schema: preflight.SnapshotSchema, Tool: "test", TakenAt: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC),
		Target: preflight.Target{Scope: "demo", Namespace: "/service"},
	}}
	for i, host := range []string{"10.0.0.21", "10.0.0.100"} {
		name := fmt.Sprintf("node%d", i+1)
		address := func(host string, port int) preflight.NodeAddress {
			return preflight.NodeAddress{
				Listen: preflight.Known([]string{"0.0.0.0"}), ListenPort: preflight.Known(port),
				Connect: preflight.Known(preflight.HostPort{Host: host, Port: port}),
			}
		}
		s.Files = append(s.Files, preflight.NodeFile{
			ID: name, Path: name + ".yml", At: map[string]string{"restapi.connect_address": name + ".yml, line 10"},
			Name: preflight.Known(name), Scope: preflight.Known("demo"), Namespace: preflight.Known("/service"), Group: preflight.Known(""),
			Store: preflight.Known(preflight.NodeStore{Kind: "etcd3", Endpoints: []string{"e1:2379"}, Protocol: "http"}),
			REST:  address(host, 8008), SQL: address(fmt.Sprintf("10.0.0.2%d", i+1), 5432),
			RESTLogin: preflight.Known(preflight.NodeLogin{}), RESTClient: preflight.Known(preflight.NodeLogin{}),
			Superuser: preflight.Known(preflight.NodeLogin{}), Replication: preflight.Known(preflight.NodeLogin{}), Rewind: preflight.Known(preflight.NodeLogin{}),
			HTTPS: preflight.Known(false), VerifyClient: preflight.Known("none"), ClientCertificate: preflight.Known(false),
			DataDir: preflight.NotKnown[string](preflight.Absent, "postgresql.data_dir is not in the file"),
			Tags:    preflight.Known(preflight.Tags{"clonefrom": true}), Parameters: preflight.Known(map[string]string{}), Watchdog: preflight.Known("automatic"),
			ClusterKeys: preflight.Known([]string{}),
		})
	}
	return preflight.Audit(s.Snapshot, s.Question, preflight.Policies{})
}

func TestAuditGolden(t *testing.T) {
	r := anAudit()
	if r.Verdict != preflight.NoGo {
		t.Fatalf("%s", r.Verdict)
	}
	for file, format := range map[string]string{"text": "text", "brief": "brief", "md": "markdown", "nagios": "nagios", "xml": "junit"} {
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
