package report_test

import (
	"log"
	"os"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

func ExampleWrite() {
	f, err := os.Open("../../docs/examples/founding-incident.json")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	r, err := fact.LoadRecording(f)
	if err != nil {
		log.Fatal(err)
	}
	judged := preflight.Judge(r.Snapshot, r.Question, check.Policies{})
	if err := report.Write(os.Stdout, "brief", judged, report.Options{}); err != nil {
		log.Fatal(err)
	}
	// Output: NO-GO  switchover of demo from node1 to node2: identity.rest_name(node2)
}
