package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

// TestTheLeaderIsAskedOnceMore: right before the request, at its REST API.
func TestTheLeaderIsAskedOnceMore(t *testing.T) {
	t.Parallel()
	says := func(name, role string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				t.Errorf("it sends %s", r.Method)
			}
			fmt.Fprintf(w, `{"state":"running","role":%q,"patroni":{"version":"4.0.7","scope":"demo","name":%q}}`, role, name)
		}))
		t.Cleanup(s.Close)
		return s.URL + "/patroni"
	}
	for url, want := range map[string]string{
		says("node1", "primary"):               "",
		says("node3", "primary"):               "node3 answers",
		says("node1", "replica"):               "role replica",
		"http://" + blackHole(t) + "/patroni":  "no longer answers",
		"http://" + closedPort(t) + "/patroni": "refused",
	} {
		s := recorded(t, "healthy-4.0.7")
		s.Members[0].Key.Value.APIURL = fact.Known(url)
		k := &live{step: 2100 * time.Millisecond}
		if got := k.leaderAPIProblem(t.Context(), s.Snapshot); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
