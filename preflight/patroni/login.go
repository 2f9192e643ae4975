package patroni

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

// RefusedLogin is the prediction where the leader refuses a request from this machine,
// whatever is requested.
func RefusedLogin(s *fact.Snapshot) (Prediction, bool) {
	a, ok := fact.RequestAnswered.Of(s, s.Leader()).Get()
	if !ok || a.HTTPStatus == fact.ListRefused {
		return Prediction{}, false
	}
	return Prediction{
		Stage: StageREST, Accepted: new(bool), Winners: []string{},
		Printed: fmt.Sprintf("Switchover failed, details: %d, %s", a.HTTPStatus, a.Text),
	}, true
}
