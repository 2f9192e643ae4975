//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
)

// drill runs the rehearsal with a patronictl that leads into the cluster.
func (l *lab) drill(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	all := append(
		[]string{"drill", "-c", l.config, "--yes", "--patronictl", l.ctl(t, "", ""), "--verify-timeout", "60s"},
		args...)
	return command(5*time.Minute, nil, tool, all...)
}

// drillWhole: every member leads once, and the first one again in the end.
func (l *lab) drillWhole(t *testing.T) {
	l.t = t
	l.roles()
	timeline, rows := l.timeline(l.leader), l.rows(l.leader)
	plan, code := l.drill(t, "--dry-run")
	if code != 0 || !strings.Contains(plan, "drill of demo: 3 switchovers; "+l.leader+" leads") ||
		l.timeline(l.leader) != timeline {
		t.Errorf("exit code %d, timeline %d\n%s", code, l.timeline(l.leader), plan)
	}
	o := l.watch()
	raw, code := l.drill(t, "-f", "json")
	seen, _ := o.end()
	// The document stands behind what went to stderr.
	raw = raw[max(0, strings.Index(raw, "\n{\n")):]
	var d preflight.DrillReport
	if err := json.Unmarshal([]byte(raw), &d); err != nil || code != 0 || d.Leader != l.leader || len(d.Legs) != 3 {
		t.Fatalf("%v, exit code %d, %d legs, %s leads\n%s", err, code, len(d.Legs), d.Leader, d.Stopped)
	}
	led := map[string]bool{}
	most := 0.0
	for i, leg := range d.Legs {
		led[leg.To] = true
		if !leg.Verified() || leg.Outage == nil || leg.Outage.Seconds == nil {
			t.Errorf("leg %d: %+v", i+1, leg.Outage)
			continue
		}
		t.Logf(
			"%s -> %s: %.2f s without a primary, everybody follows after %.1f s",
			leg.From,
			leg.To,
			*leg.Outage.Seconds,
			leg.Switchover.Verification.TakenAt.Sub(leg.Switchover.Request.Began).Seconds(),
		)
		most = max(most, *leg.Outage.Seconds)
	}
	// Somebody else has watched, twice as often.
	if diff := most - seen; diff < -0.5 || diff > 0.5 || seen < 0.2 {
		t.Errorf("%.2f s without a primary at the most, and %.2f s as seen from outside", most, seen)
	}
	if p := l.primaries(); len(p) != 1 || p[0] != l.leader || len(led) != 3 || l.timeline(l.leader) != timeline+3 ||
		l.rows(l.leader) != rows {
		t.Errorf("%v lead, %d members have led, timeline %d, %d rows", p, len(led), l.timeline(l.leader), l.rows(l.leader))
	}
}

// drillFounding: the second leg is the founding incident. The leader's REST address
// is a VIP, which follows the leader: back to the first one nobody gets.
func (l *lab) drillFounding(t *testing.T) {
	l.t = t
	l.roles()
	from, to := l.leader, l.candidate
	l.tag(l.bystander, "nofailover", "true")
	vip := l.vip(from)
	l.apiURL(from, vip+":8008")
	timeline := l.timeline(from)
	done := make(chan struct{})
	go func() { // as a VIP manager does
		defer close(done)
		if until(60*time.Second, func() bool { s, err := l.status(to); return err == nil && isPrimary(s) }) {
			l.in(from, "ip addr del "+vip+"/24 dev eth0")
			l.vip(to)
		}
	}()
	out, code := l.drill(t, "--via", "rest")
	<-done
	flat := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"LEG 1 of 2 " + from + " -> " + to, "DONE switchover of demo from " + from + " to " + to, "BLOCKS " +
			"identity.rest_name " + from,
		"leg 2 of 2, " + to + " to " + from + ": NO-GO", "now " + to + " leads on " +
			"timeline", "--candidate " + from, "left out " + l.bystander,
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("%q is not said", want)
		}
	}
	if p := l.primaries(); code != exitcode.NoGo || len(p) != 1 || p[0] != to || l.timeline(to) != timeline+1 {
		t.Errorf("exit code %d, %v lead, timeline %d", code, p, l.timeline(to))
	}
	if t.Failed() {
		t.Log(out)
	}
}
