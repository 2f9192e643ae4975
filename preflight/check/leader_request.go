package check

import (
	"fmt"
	"strings"

	"patroni-preflight/preflight/fact"
)

var leaderRequest = Check{
	ID:    "leader.request",
	Title: "the leader takes a request from this machine, with its login",
	Since: "0.3.0",
	Why: "A password that the configuration file lacks, an allowlist without this machine or a missing client " +
		"certificate shows only when the switchover is requested, which may be after the application was stopped. " +
		"switchover and drill send POST /switchover with an empty list before they ask for confirmation: Patroni checks " +
		"who asks, answers 400, and does nothing. check does not send it.",
	Source: "patroni/api.py check_access, _read_json_content and do_POST_failover, the same from 2.1.0 to 4.2.0",
	Fix: "Give patroni-preflight and patronictl the login of restapi.authentication in ctl.authentication, or add " +
		"this machine to restapi.allowlist on the members.",
	Proof: "TestRehearse, TestSwitchoverRehearses; TestOracleRehearsal in e2e/ asks Patroni's own handler of each " +
		"release; TestWrapperRehearses plays a refused login on real clusters, with the store's revision unmoved.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	Needs:     []fact.Need{fact.RequestAnswered},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		return RefusedRequest(s, m)
	},
}

// RefusedRequest judges how a member answered a rehearsed request, which is known.
func RefusedRequest(s *fact.Snapshot, m string) []Finding {
	a := fact.RequestAnswered.Get(s, m)
	f := Finding{
		Asked:    s.RequestCall(m),
		Observed: strings.TrimSuffix(fmt.Sprintf("HTTP %d, %s", a.HTTPStatus, a.Text), ", "),
		Expected: "HTTP 400: the login is accepted, and an empty list refused",
	}
	reload := "\npatronictl reload " + s.Target.Scope + " " + m
	switch {
	case a.HTTPStatus == fact.ListRefused:
		return Witnessed(f.Asked, "HTTP 400: the login is accepted, and the empty list refused")
	case a.HTTPStatus == fact.LoginRefused && !a.LoggedIn:
		f.Effect = "The REST API requires a login, and none is configured here. Patroni would refuse the request."
		f.Remedy = "Add the username and the password of restapi.authentication on " + m +
			" to the file that this command reads (-c), as ctl.authentication."
	case a.HTTPStatus == fact.LoginRefused:
		f.Effect = "The REST API refuses the configured login. Patroni would refuse the request."
		f.Remedy = "Compare ctl.authentication, or restapi.authentication, in the file that this command reads (-c) with " +
			"restapi.authentication in patroni.yml on " + m + ", which counts since its last reload."
	case strings.Contains(a.Text, "certificate"):
		f.Effect = "The REST API takes requests only with a client certificate. Patroni would refuse the request."
		f.Remedy = "Give a certificate that restapi.cafile on " + m + " verifies, as ctl.certfile and ctl.keyfile in the " +
			"file that this command reads (-c)."
	default:
		f.Effect = "restapi.allowlist on " + m + " does not have the address from which this machine asks" + from(a) +
			". Patroni would refuse the request."
		f.Remedy = "Run this command on a machine that is in the list, or add this one to restapi.allowlist in " +
			"patroni.yml on each member, then reload it:" + reload
	}
	return []Finding{f}
}

// from is the address from which a request came, as an addition to a sentence.
func from(a fact.RequestAnswer) string {
	i := strings.LastIndex(a.From, ":")
	if i < 0 {
		return ""
	}
	return ", " + strings.Trim(a.From[:i], "[]")
}
