package patroniapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"patroni-preflight/patroniapi"
)

// Get asks a member's REST API once, within the timeout. Each field of the answer is
// known or has a reason.
func ExampleClient_Get() {
	member := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/patroni" {
			fmt.Fprint(w, `{"state": "running", "role": "replica", "patroni": {"name": "node2", "scope": "demo"}}`)
		}
	}))
	defer member.Close()
	client := patroniapi.New(patroniapi.Config{Timeout: 5 * time.Second})
	answer, _ := client.Get(context.Background(), member.URL+"/patroni")
	rest, ok := answer.Get()
	if !ok {
		fmt.Println("no answer:", answer.Reason())
		return
	}
	fmt.Println(rest.Name.Must(), rest.Role.Must())
	fmt.Println(rest.Timeline.Reason())
	// Output:
	// node2 replica
	// no timeline in the answer
}
