package dcs

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"patroni-preflight/preflight/fact"
)

// within is the part of a reason that differs from run to run.
var within = regexp.MustCompile(`within [0-9.]+m?s`)

func connect(t testing.TB, urls ...string) *Etcd {
	t.Helper()
	e, err := Open(Config{Endpoints: urls})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// read reads /service/demo/ within the limit and fails the test where Read does
// not keep to it. The slack is generous for slow machines.
func read(t testing.TB, e *Etcd, limit time.Duration) (fact.DCS, []fact.Member, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	start := time.Now()
	d, members := e.Read(ctx, "service", "demo", "")
	took := time.Since(start)
	if took > limit+2*time.Second {
		t.Fatalf("Read took %s with a deadline of %s", took, limit)
	}
	if d.Kind != "etcd3" || d.Prefix != "/service/demo/" || len(d.Endpoints) != len(e.endpoints) {
		t.Fatalf("DCS %+v", d)
	}
	return d, members, took
}

func TestReadHealthy(t *testing.T) {
	t.Parallel()
	a, b, c := healthy(t), healthy(t), healthy(t)
	c.alarms = []pb.AlarmType{pb.AlarmType_NOSPACE, pb.AlarmType_CORRUPT, pb.AlarmType_NOSPACE}
	a.alarms, b.alarms = c.alarms, c.alarms
	d, members, _ := read(t, connect(t, a.url, b.url, c.url), 10*time.Second)

	if !fact.Equal(d.Read, 7) || d.Read.Stamp == nil ||
		!strings.HasPrefix(d.Read.Stamp.Source, "etcd range /service/demo/ at http://127.0.0.1:") {
		t.Errorf("Read %s, stamp %+v", d.Read.Reason(), d.Read.Stamp)
	}
	cluster, ok := d.Cluster.Get()
	if !ok || cluster.Revision != 42 || !fact.Equal(cluster.Leader, "node1") ||
		!fact.Equal(cluster.LeaderLease, fact.Lease{GrantedSeconds: 20, RemainingSeconds: 17}) {
		t.Errorf("cluster %+v, %s", cluster, d.Cluster.Reason())
	}
	if len(members) != 2 || members[1].Name != "node2" || !members[1].Lease.Known() {
		t.Errorf("members %+v", members)
	}
	if got, _ := d.Alarms.Get(); !slices.Equal(got, []string{"CORRUPT", "NOSPACE"}) {
		t.Errorf("alarms %v, %s", got, d.Alarms.Reason())
	}
	want := fact.EndpointStatus{
		Version: "3.6.5", HasLeader: true, Leader: "7", Revision: 42, DBSize: 20480, Quota: 2 << 30,
	}
	for i, ep := range d.Endpoints {
		if got, _ := ep.Status.Get(); !reflect.DeepEqual(got, want) || ep.URL != []string{a.url, b.url, c.url}[i] {
			t.Errorf("endpoint %s: %+v, %s", ep.URL, got, ep.Status.Reason())
		}
	}
	if n := a.leases.Load() + b.leases.Load() + c.leases.Load(); n != 2 {
		t.Errorf("%d leases asked for, want 2: one of each process", n)
	}
}

// The store is asked once; its health is known without alarms to be an empty
// list, which survives JSON.
func TestReadNoAlarms(t *testing.T) {
	t.Parallel()
	d, _, _ := read(t, connect(t, healthy(t).url), 10*time.Second)
	if got, ok := d.Alarms.Get(); !ok || got == nil || len(got) != 0 {
		t.Errorf("alarms %v, %s", got, d.Alarms.Reason())
	}
}

func TestReadFailures(t *testing.T) {
	t.Parallel()
	serve := func(f *fake) func(testing.TB) string {
		return func(t testing.TB) string { return f.start(t).url }
	}
	say := func(text string) func(testing.TB) string {
		return func(t testing.TB) string { return says(t, text) }
	}
	const limit = 700 * time.Millisecond
	tests := []struct {
		name   string
		url    func(testing.TB) string
		cause  fact.Cause
		reason string
		fast   bool // known before the deadline
	}{
		{"nothing listens", refused, fact.Refused, "connect: connection refused", true},
		// Not a name that DNS could hold, so that no DNS is asked.
		{
			"no such host",
			func(testing.TB) string { return "http://etcd..invalid:2379" },
			fact.Unresolved,
			"lookup etcd..invalid",
			true,
		},
		{"black hole", say(""), fact.Silent, "no answer within TIME", false},
		{"closes at once", say("close"), fact.Failed, "closed the connection before any answer", true},
		{
			"a web server",
			say("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
			fact.Malformed,
			"speaks HTTP/1, not gRPC",
			true,
		},
		{
			"a TLS server",
			say("\x15\x03\x01\x00\x02\x02\x0a"),
			fact.Malformed,
			"speaks TLS: this is an https:// endpoint",
			true,
		},
		{"a real TLS server", tlsServer, fact.Failed, "as a server that wants https does", true},
		{"an SSH server", say("SSH-2.0-OpenSSH_9.2\r\n"), fact.Malformed, "does not speak gRPC", true},
		{
			"not allowed",
			serve(&fake{rangeErr: rpctypes.ErrGRPCPermissionDenied, leader: 7}),
			fact.Privilege,
			"permission denied",
			true,
		},
		{"no user", serve(&fake{rangeErr: rpctypes.ErrGRPCUserEmpty, leader: 7}), fact.Denied, "user name is empty", true},
		{
			"unavailable",
			serve(&fake{rangeErr: status.Error(codes.Unavailable, "draining"), leader: 7}),
			fact.Failed,
			"draining",
			true,
		},
		{
			"leader changed",
			serve(&fake{rangeErr: rpctypes.ErrGRPCLeaderChanged, leader: 7}),
			fact.Failed,
			"no leader or no quorum: etcdserver: leader changed",
			true,
		},
		{
			"its own timeout",
			serve(&fake{rangeErr: rpctypes.ErrGRPCTimeout, leader: 0}),
			fact.Failed,
			"no leader or no quorum: etcdserver: request timed out",
			true,
		},
		{
			"no service",
			serve(&fake{rangeErr: status.Error(codes.Unimplemented, "unknown service"), leader: 7}),
			fact.Malformed,
			"unknown service",
			true,
		},
		{
			"lost quorum",
			serve(&fake{blockRange: true, leader: 0}),
			fact.Failed,
			"answers, but has no leader: etcd has lost its quorum",
			false,
		},
		{
			"stalled reads",
			serve(&fake{blockRange: true, leader: 7}),
			fact.Failed,
			"answers its status, but no read that needs a quorum within TIME",
			false,
		},
		{
			"stalled altogether",
			serve(&fake{blockRange: true, blockStatus: true, leader: 7}),
			fact.Silent,
			"no answer within TIME",
			false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, limit := tt.url(t), limit
			if tt.fast {
				limit = 20 * time.Second
			}
			d, members, took := read(t, connect(t, url), limit)
			if tt.fast && took > 10*time.Second {
				t.Errorf("took %s: waited for the deadline", took)
			}
			if d.Read.Cause() != tt.cause ||
				!strings.Contains(within.ReplaceAllString(d.Read.Reason(), "within TIME"), tt.reason) {
				t.Errorf("Read is %s: %s\nwant %s: %s", d.Read.Cause(), d.Read.Reason(), tt.cause, tt.reason)
			}
			if !strings.HasPrefix(d.Read.Reason(), "etcd range /service/demo/: "+url+": ") ||
				strings.Contains(d.Read.Reason(), "\n") {
				t.Errorf("the reason does not name question and target in one line: %q", d.Read.Reason())
			}
			if d.Read.Stamp == nil || d.Cluster.Cause() != tt.cause || members == nil || len(members) != 0 {
				t.Errorf("stamp %v, cluster %s, members %v", d.Read.Stamp, d.Cluster.Reason(), members)
			}
		})
	}
}

// One reason names every endpoint, in the order of the configuration.
func TestReadAllEndpointsFail(t *testing.T) {
	t.Parallel()
	urls := []string{refused(t), says(t, ""), (&fake{blockRange: true}).start(t).url}
	d, _, _ := read(t, connect(t, urls...), time.Second)
	want := fmt.Sprintf(
		"etcd range /service/demo/: %s: dial tcp %s: connect: connection refused; %s: no answer within TIME; %s: answers, "+
			"but has no leader: etcd has lost its quorum",
		urls[0],
		strings.TrimPrefix(urls[0], "http://"),
		urls[1],
		urls[2],
	)
	if within.ReplaceAllString(d.Read.Reason(), "within TIME") != want || d.Read.Cause() != fact.Failed {
		t.Errorf("%s\n got %s\nwant %s", d.Read.Cause(), d.Read.Reason(), want)
	}
	for i, cause := range []fact.Cause{fact.Refused, fact.Silent, ""} {
		if s := d.Endpoints[i].Status; s.Cause() != cause || (cause != "" && !strings.Contains(s.Reason(), urls[i])) {
			t.Errorf("status %d is %s: %s", i, s.Cause(), s.Reason())
		}
	}
}

// One dead server of three costs the short grace, not the deadline, and no fact
// but its own status.
func TestReadOneDeadOfThree(t *testing.T) {
	t.Parallel()
	for name, dead := range map[string]struct {
		url   func(testing.TB) string
		cause fact.Cause
	}{
		"refused":    {refused, fact.Refused},
		"black hole": {func(t testing.TB) string { return says(t, "") }, fact.Silent},
		"frozen": {func(t testing.TB) string {
			return (&fake{blockRange: true, blockStatus: true, blockAlarm: true}).start(t).url
		}, fact.Silent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, members, took := read(t, connect(t, dead.url(t), healthy(t).url, healthy(t).url), time.Minute)
			if took > 15*time.Second {
				t.Errorf("took %s", took)
			}
			if !fact.Equal(d.Read, 7) || !d.Cluster.Known() || len(members) != 2 || !d.Alarms.Known() ||
				!members[0].Lease.Known() {
				t.Errorf("read %s, alarms %s, members %v", d.Read.Reason(), d.Alarms.Reason(), members)
			}
			if d.Endpoints[0].Status.Cause() != dead.cause || !d.Endpoints[1].Status.Known() || !d.Endpoints[2].Status.Known() {
				t.Errorf("%+v", d.Endpoints)
			}
		})
	}
}

// Whoever is refused by one server is not kept waiting for a frozen one.
func TestReadDeniedEndsTheRace(t *testing.T) {
	t.Parallel()
	denying := (&fake{rangeErr: rpctypes.ErrGRPCPermissionDenied, leader: 7}).start(t)
	d, _, took := read(t, connect(t, says(t, ""), denying.url), time.Minute)
	if d.Read.Cause() != fact.Privilege || took > 15*time.Second {
		t.Errorf("after %s: %s", took, d.Read.Reason())
	}
}

func TestReadHealthFailsAlone(t *testing.T) {
	t.Parallel()
	f := (&fake{
		keys: demo(), leader: 7, expired: 12,
		statusErr: rpctypes.ErrGRPCPermissionDenied, alarmErr: status.Error(codes.Internal, "broken"),
	}).start(t)
	d, members, _ := read(t, connect(t, f.url), 10*time.Second)
	if !d.Cluster.Known() || d.Alarms.Cause() != fact.Malformed || d.Endpoints[0].Status.Cause() != fact.Privilege {
		t.Errorf("alarms %s, status %s", d.Alarms.Reason(), d.Endpoints[0].Status.Reason())
	}
	if !fact.Equal(members[1].Lease, fact.Lease{RemainingSeconds: -1}) {
		t.Errorf("an expired lease is %+v: %s", members[1].Lease.Value, members[1].Lease.Reason())
	}

	f = (&fake{keys: demo(), leader: 7, ttlErr: rpctypes.ErrGRPCPermissionDenied}).start(t)
	d, members, _ = read(t, connect(t, f.url), 10*time.Second)
	lease := d.Cluster.Must().LeaderLease
	want := "etcd lease b at " + f.url + ": etcdserver: permission denied"
	if lease.Cause() != fact.Privilege || lease.Reason() != want || members[1].Lease.Cause() != fact.Privilege {
		t.Errorf("lease is %s: %s\nwant %s", lease.Cause(), lease.Reason(), want)
	}
}

func TestReadNothingThere(t *testing.T) {
	t.Parallel()
	key := func(names ...string) (keys []KV) {
		for _, n := range names {
			keys = append(keys, KV{Key: n, Value: []byte("x")})
		}
		return keys
	}
	many := []KV{}
	for i := range 12 {
		many = append(many, key(fmt.Sprintf("/service/c%02d/leader", i))...)
	}
	tests := []struct {
		name  string
		fake  *fake
		count int
		want  string
	}{
		{
			"other scopes",
			&fake{keys: demo()[7:]},
			0,
			"etcd holds no Patroni cluster under /service/demo/; scopes under /service/: demo2, pay",
		},
		{
			"many scopes",
			&fake{keys: many},
			0,
			"etcd holds no Patroni cluster under /service/demo/; scopes under /service/: c00, c01, c02, c03, c04, c05, c06, " +
				"c07, c08, c09, ...",
		},
		{
			"nothing",
			&fake{keys: key("/other/demo/leader")},
			0,
			"etcd holds no Patroni cluster under /service/demo/, and no scope at all under /service/: another namespace, " +
				"another etcd, or keys of the v2 API, which v3 does not show",
		},
		{
			"a namespace",
			&fake{keys: key("/service/demo/a/leader", "/service/demo/b1/leader", "/service/demo/b1/sync")},
			3,
			"etcd holds no Patroni cluster under /service/demo/, but there is a, b1 below it: is /service/demo the namespace?",
		},
		{
			"the rest is hidden",
			&fake{neighboursErr: rpctypes.ErrGRPCPermissionDenied},
			0,
			"etcd holds no Patroni cluster under /service/demo/; what else is in /service/ is unknown: etcdserver: permission " +
				"denied",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.fake.leader = 7
			d, members, _ := read(t, connect(t, tt.fake.start(t).url), 10*time.Second)
			if !fact.Equal(d.Read, tt.count) || members == nil || len(members) != 0 {
				t.Errorf("read %v %s, members %v", d.Read.Value, d.Read.Reason(), members)
			}
			if d.Cluster.Cause() != fact.Absent || d.Cluster.Reason() != tt.want {
				t.Errorf("cluster is %s:\n got %s\nwant %s", d.Cluster.Cause(), d.Cluster.Reason(), tt.want)
			}
		})
	}
}

// TestReadCitus: without a group there is nothing to see but which groups there are.
func TestReadCitus(t *testing.T) {
	t.Parallel()
	f := &fake{
		leader: 7,
		keys:   []KV{{Key: "/service/demo/0/leader", Value: []byte("x")}, {Key: "/service/demo/1/sync", Value: []byte("{}")}},
	}
	d, members, _ := read(t, connect(t, f.start(t).url), 10*time.Second)
	c := d.Cluster.Must()
	if got := c.Groups.Must(); !slices.Equal(got, []string{"0", "1"}) || len(members) != 0 || c.Leader.Must() != "" ||
		c.Config.Known() {
		t.Errorf("groups %v, members %v, leader %q", got, members, c.Leader.Must())
	}
}

func TestReadTooManyKeys(t *testing.T) {
	t.Parallel()
	f := &fake{leader: 7}
	for i := range maxKeys + 5 {
		f.keys = append(f.keys, KV{Key: fmt.Sprintf("/service/demo/members/n%05d", i), Value: []byte("{}")})
	}
	d, members, _ := read(t, connect(t, f.start(t).url), 20*time.Second)
	if !fact.Equal(d.Read, maxKeys+5) || d.Cluster.Cause() != fact.Malformed || len(members) != 0 {
		t.Errorf("read %v, %d members, cluster %s", d.Read.Value, len(members), d.Cluster.Reason())
	}
}

// TestReadTellsClustersApart: a server that was left over answers as well as the others.
func TestReadTellsClustersApart(t *testing.T) {
	t.Parallel()
	right, left := healthy(t), healthy(t)
	right.cluster, left.cluster = 0xcdf818194e3a8c32, 0x10
	right.delay = 100 * time.Millisecond
	d, _, _ := read(t, connect(t, right.url, left.url), 10*time.Second)
	if d.ClusterID != "10" {
		t.Errorf("the read is of cluster %q, want that of the quicker server", d.ClusterID)
	}
	for i, want := range []string{"cdf818194e3a8c32", "10"} {
		if st := d.Endpoints[i].Status.Must(); st.ClusterID != want || st.Revision != 42 || st.Leader == "" {
			t.Errorf("%s: %+v, want cluster %s", d.Endpoints[i].URL, st, want)
		}
	}
}

func TestReread(t *testing.T) {
	t.Parallel()
	f := healthy(t)
	e := connect(t, f.url)
	first, mb, _ := read(t, e, 10*time.Second)
	asked := f.leases.Load()
	second, ma := e.Reread(context.Background(), first.Prefix)
	if got, ok := Moved(first, second, mb, ma).Get(); !ok || len(got) != 0 {
		t.Errorf("a cluster that held still moved: %v", got)
	}
	if f.leases.Load() != asked || second.Cluster.Must().LeaderLease.Cause() != fact.NotAsked {
		t.Error("the second read asks for leases")
	}
	f.revision = 41
	second, ma = e.Reread(context.Background(), first.Prefix)
	if got := Moved(first, second, mb, ma); got.Cause() != fact.Failed ||
		!strings.Contains(got.Reason(), "from 42 back to 41") {
		t.Errorf("an older second read: %s: %s", got.Cause(), got.Reason())
	}
	f.revision, f.cluster = 43, 0x99
	second, ma = e.Reread(context.Background(), first.Prefix)
	if got := Moved(first, second, mb, ma); got.Cause() != fact.Failed || !strings.Contains(got.Reason(), "by 99") {
		t.Errorf("a second read of another etcd cluster: %s: %s", got.Cause(), got.Reason())
	}
	f.rangeErr = rpctypes.ErrGRPCPermissionDenied
	second, ma = e.Reread(context.Background(), first.Prefix)
	if got := Moved(
		first,
		second,
		mb,
		ma,
	); got.Cause() != fact.Privilege ||
		!strings.Contains(got.Reason(), "second read: etcd range /service/demo/") {
		t.Errorf("moved is %s: %s", got.Cause(), got.Reason())
	}
}

func TestCancelledContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	start := time.Now()
	d, _ := connect(t, says(t, "")).Read(ctx, "service", "demo", "")
	if d.Read.Known() || d.Endpoints[0].Status.Known() || time.Since(start) > 5*time.Second {
		t.Errorf("after %s: %+v", time.Since(start), d)
	}
}

func TestGrace(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: minGrace, 2 * time.Second: 500 * time.Millisecond, time.Minute: maxGrace,
	} {
		ctx, cancel := context.WithTimeout(context.Background(), left)
		if got := grace(ctx); got > want || got < want-100*time.Millisecond {
			t.Errorf("with %s left: %s, want %s", left, got, want)
		}
		cancel()
	}
}

// A crowd of members is not judged, and a name of a hundred kilobytes not repeated.
func TestReadTooManyMembers(t *testing.T) {
	t.Parallel()
	f := &fake{leader: 7}
	for i := range fact.MaxMembers + 1 {
		f.keys = append(
			f.keys,
			KV{Key: fmt.Sprintf("/service/demo/members/n%03d", i), Value: []byte("{}"), Lease: int64(i + 1)},
		)
	}
	d, members, _ := read(t, connect(t, f.start(t).url), 10*time.Second)
	expect(
		t,
		"one too many",
		d.Cluster,
		"unsupported:etcd holds 101 keys under /service/demo/members/; not more than 100 members are judged",
	)
	if len(members) != 0 || !fact.Equal(d.Read, fact.MaxMembers+1) {
		t.Errorf("%d members", len(members))
	}

	f = &fake{leader: 7, keys: []KV{{Key: "/service/demo/members/" + strings.Repeat("n", 100_000), Value: []byte("{}")}}}
	d, members, _ = read(t, connect(t, f.start(t).url), 10*time.Second)
	expect(
		t,
		"a long name",
		d.Cluster,
		"unsupported:a key under /service/demo/members/ has a name of 100000 bytes, the limit is 1024",
	)
	if len(members) != 0 {
		t.Errorf("%d members", len(members))
	}
}

// Values that are too large each for themselves are unknown, and the whole
// answer is where it is too large.
func TestReadHugeAnswer(t *testing.T) {
	t.Parallel()
	huge := bytes.Repeat([]byte("x"), maxValue+1)
	f := (&fake{
		leader: 7,
		keys:   []KV{{Key: "/service/demo/config", Value: huge}, {Key: "/service/demo/members/a", Value: huge}},
	}).start(
		t,
	)
	d, members, _ := read(t, connect(t, f.url), 10*time.Second)
	expect(t, "huge config", d.Cluster.Must().Config, "malformed:a value of 1048577 bytes is not decoded")
	expect(t, "huge member", members[0].Key, "malformed:a value of 1048577 bytes is not decoded")

	f = &fake{leader: 7}
	for i := range maxAnswer/len(huge) + 1 {
		f.keys = append(f.keys, KV{Key: fmt.Sprintf("/service/demo/members/n%03d", i), Value: huge})
	}
	d, members, _ = read(t, connect(t, f.start(t).url), time.Minute)
	if d.Read.Cause() != fact.Malformed || !strings.Contains(d.Read.Reason(), "larger than max") || d.Cluster.Known() ||
		len(members) != 0 {
		t.Errorf("%s: %s", d.Read.Cause(), d.Read.Reason())
	}
}
