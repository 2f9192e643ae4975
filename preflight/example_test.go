package preflight_test

import (
	"fmt"
	"log"
	"os"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// One recording answers any number of questions.
func ExampleJudge() {
	f, err := os.Open("testdata/snapshots/healthy-4.0.7.json")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	r, err := fact.LoadRecording(f)
	if err != nil {
		log.Fatal(err)
	}
	for _, candidate := range []string{"node2", "node9"} {
		report := preflight.Judge(r.Snapshot, r.Question.About(candidate), check.Policies{})
		fmt.Println(candidate, report.Verdict, report.Prediction.Printed)
	}
	// Output:
	// node2 GO Successfully switched over to "node2"
	// node9 NO-GO Error: Member node9 does not exist in cluster demo or is tagged as nofailover
}
