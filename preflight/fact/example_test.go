package fact_test

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

// A fact is known, or unknown with the cause and the reason.
func ExampleObserved() {
	known := fact.Known("node1")
	unknown := fact.NotKnown[string](fact.Refused, "connection refused by %s", "10.0.0.7:8008")
	for _, name := range []fact.Observed[string]{known, unknown} {
		if v, ok := name.Get(); ok {
			fmt.Println("known:", v)
		} else {
			fmt.Printf("unknown (%s): %s\n", name.Cause(), name.Reason())
		}
	}
	// Output:
	// known: node1
	// unknown (refused): connection refused by 10.0.0.7:8008
}

func ExampleParseLSN() {
	leader, _ := fact.ParseLSN("0/5067C00")
	candidate, _ := fact.ParseLSN("0/5000000")
	fmt.Println(leader.Minus(candidate), "bytes")
	// Output: 424960 bytes
}
