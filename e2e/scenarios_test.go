//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// scenario is one state of a cluster, with what is right to say of it, declared
// beforehand.
type scenario struct {
	name string
	// everywhere: on all three suites; else on the suite that on names, trixie where
	// it is empty.
	everywhere bool
	on         string
	// arrange brings the cluster into the state; what it registers with undo restores it.
	arrange func(l *lab)
	// args for the tool, env for its environment; %VIP% is the lab's VIP.
	args, env []string
	// candidate is the bystander, the leader or another name instead of the candidate.
	candidate func(l *lab) string
	// want is the verdict, by names a check that has to be among those that decided it.
	want, by string
	// warns names a check that has to warn.
	warns string
	// policy: the switchover may work this time; we refuse all the same.
	policy bool
	// scheduled is "tomorrow" or "yesterday" for a switchover that is not done at once.
	scheduled string
	// fromLeader: patronictl runs on the leader's node, since the bystander's is down.
	fromLeader bool
	// limit is how long patronictl may take; 60 s where 0.
	limit time.Duration
	// because says why that verdict is right.
	because string
}

const (
	goes    = "GO"
	noGo    = "NO-GO"
	unknown = "UNKNOWN"
)

var scenarios = []scenario{
	// Clusters that are fine.
	{name: "healthy", everywhere: true, want: goes, because: "nothing is wrong"},
	{
		name:    "healthy, under continuous light writes",
		arrange: (*lab).writes,
		want:    goes,
		because: "the lag of running writes is not a fault",
	},
	{
		name:    "healthy, REST and PostgreSQL on different networks",
		arrange: (*lab).twoNetworks,
		want:    goes,
		because: "a member's two addresses may be on different hosts",
	},
	{
		name:    "idle for 15 s",
		arrange: func(*lab) { time.Sleep(15 * time.Second) },
		want:    goes,
		because: "without writes there is nothing to lag behind",
	},
	{
		name:    "old member key with a live lease",
		arrange: (*lab).ageKeys,
		want:    goes,
		because: "Patroni writes a member key only on a change; the lease shows that the member is alive",
	},
	{
		name:    "bystander tagged nofailover",
		arrange: func(l *lab) { l.tag(l.bystander, "nofailover", "true") },
		want:    goes,
		because: "it is not the candidate",
	},
	{name: "two nodes", arrange: (*lab).twoNodes, fromLeader: true, want: goes, because: "one replica is enough"},
	{
		name:      "no candidate named",
		candidate: noCandidate,
		want:      goes,
		because:   "every member that Patroni may choose is eligible",
	},
	{
		name:    "synchronous mode, candidate is the synchronous standby",
		arrange: (*lab).synchronous,
		want:    goes,
		because: "it is in /sync",
	},
	{
		name:    "maximum_lag_on_failover 1024, idle",
		arrange: func(l *lab) { l.edit("maximum_lag_on_failover=1024") },
		want:    goes,
		because: "the lag is 0",
	},
	{
		name:    "maximum_lag_on_failover 0, idle",
		arrange: func(l *lab) { l.edit("maximum_lag_on_failover=0") },
		want:    goes,
		because: "the lag is 0, which does not exceed the limit",
	},
	{
		name:    "maximum_lag_on_failover \"10MB\"",
		arrange: func(l *lab) { l.edit("maximum_lag_on_failover=10MB") },
		want:    goes,
		warns:   "dcs.config",
		because: "Patroni 4 uses the default instead",
	},
	{
		name:    "a switchover scheduled for tomorrow",
		arrange: (*lab).schedule,
		want:    goes,
		warns:   "dcs.failover_key",
		because: "a new request overwrites it",
	},
	{
		name:    "one etcd of three down",
		arrange: func(l *lab) { l.pauseEtcd("etcd3") },
		want:    goes,
		warns:   "dcs.endpoints",
		because: "two of three are a quorum",
	},
	{
		name:    "bystander's api_url is the leader's",
		arrange: func(l *lab) { l.apiURL(l.bystander, l.ip(l.leader)+":8008") },
		want:    goes,
		warns:   "identity.rest_name",
		because: "it is not the candidate",
	},
	{
		name:    "the leader's api_url is a VIP that nobody named",
		arrange: (*lab).leaderOnVIP,
		want:    goes,
		because: "it reaches the right node, and nothing shows that it will move",
	},

	// Maintenance mode.
	{
		name:       "maintenance mode",
		everywhere: true,
		arrange:    (*lab).pause,
		want:       noGo,
		by:         "maintenance.pause",
		policy:     true,
		because:    "in maintenance mode no other member takes over if the promotion fails",
	},
	{
		name:      "maintenance mode, no candidate named",
		arrange:   (*lab).pause,
		candidate: noCandidate,
		want:      noGo,
		by:        "maintenance.pause",
		because:   "Patroni refuses the request with 400",
	},

	// Identity.
	{
		name:       "the founding incident: candidate's api_url is a VIP on the leader",
		everywhere: true,
		arrange:    (*lab).founding,
		want:       noGo,
		by:         "identity.",
		because:    "the leader asks itself and counts WAL position 0",
	},
	{
		name:    "the VIP before it bites: named, and still on the right node",
		arrange: (*lab).leaderOnVIP,
		args:    []string{"--vip", "%VIP%"},
		want:    noGo,
		by:      "identity.vip",
		policy:  true,
		because: "this switchover works, but the next one, back to this leader, fails",
	},
	{
		name:    "the way back: the VIP has followed the leader",
		arrange: (*lab).wayBack,
		args:    []string{"--vip", "%VIP%"},
		want:    noGo,
		by:      "identity.rest_name",
		because: "the new leader asks itself for the old one's status",
	},
	{
		name:    "candidate's api_url = the leader's",
		arrange: func(l *lab) { l.apiURL(l.candidate, l.ip(l.leader)+":8008") },
		want:    noGo,
		by:      "identity.rest_name",
		because: "the leader asks itself",
	},
	{
		name:    "candidate's api_url = another replica's",
		arrange: func(l *lab) { l.apiURL(l.candidate, l.ip(l.bystander)+":8008") },
		want:    noGo,
		by:      "identity.rest_name",
		policy:  true,
		because: "Patroni checks the wrong node",
	},
	{
		name:    "candidate's and bystander's api_url swapped",
		arrange: (*lab).swapped,
		want:    noGo,
		by:      "identity.rest_name",
		policy:  true,
		because: "Patroni checks the wrong node",
	},
	{
		name:    "candidate's api_url = 0.0.0.0",
		arrange: func(l *lab) { l.apiURL(l.candidate, "0.0.0.0:8008") },
		want:    noGo,
		by:      "identity.address",
		because: "the leader asks itself",
	},
	{
		name:    "candidate's api_url = 127.0.0.1",
		arrange: func(l *lab) { l.apiURL(l.candidate, "127.0.0.1:8008") },
		want:    noGo,
		by:      "identity.address",
		because: "the leader asks itself",
	},
	{
		name:    "candidate's api_url = a closed port",
		arrange: func(l *lab) { l.apiURL(l.candidate, l.ip(l.candidate)+":8009") },
		want:    noGo,
		by:      "candidate.rest",
		because: "for Patroni the candidate is not reachable",
	},
	{
		name:    "candidate's conn_url = the leader's",
		arrange: func(l *lab) { l.connURL(l.candidate, l.ip(l.leader)+":5432") },
		want:    noGo,
		by:      "identity.",
		because: "the others would follow the old leader",
	},
	{
		name:    "candidate's conn_url = another replica's",
		arrange: func(l *lab) { l.connURL(l.candidate, l.ip(l.bystander)+":5432") },
		want:    noGo,
		by:      "identity.",
		because: "the other members would follow the wrong node",
	},

	// Lag.
	{
		name:       "candidate's WAL receiver frozen, 20 MB behind",
		everywhere: true,
		arrange:    (*lab).frozenReceiver,
		want:       noGo,
		by:         "lag.receive",
		because:    "patronictl list shows older figures, without the lag",
	},
	{
		name:    "replay paused with a backlog",
		arrange: (*lab).pausedReplay,
		want:    noGo,
		by:      "lag.replay",
		policy:  true,
		because: "the candidate replays the backlog during the switchover, without a primary",
	},
	{
		name:    "maximum_lag_on_failover 1024, 5 kB behind",
		arrange: func(l *lab) { l.edit("maximum_lag_on_failover=1024"); l.behind(5000) },
		want:    noGo,
		by:      "lag.receive",
		because: "the lag exceeds the limit",
	},
	{
		name:    "maximum_lag_on_failover -1",
		arrange: func(l *lab) { l.edit("maximum_lag_on_failover=-1") },
		want:    noGo,
		by:      "lag.patroni",
		because: "with a negative limit Patroni refuses every lag of 0 or more",
	},

	// Candidates that lose rows or always fail.
	{
		name:       "candidate not streaming, less than 1 MiB behind",
		everywhere: true,
		arrange:    (*lab).notStreaming,
		want:       noGo,
		by:         "candidate.streaming",
		because:    "Patroni switches over, and committed rows are lost",
	},
	{
		name:    "candidate on an older timeline",
		arrange: (*lab).olderTimeline,
		want:    noGo,
		by:      "candidate.streaming",
		because: "Patroni switches over, and the newer timeline is lost",
	},
	{
		name:    "candidate tagged nofailover",
		arrange: func(l *lab) { l.tag(l.candidate, "nofailover", "true") },
		want:    noGo,
		by:      "candidate.nofailover",
		because: "Patroni refuses",
	},
	{
		name:    "candidate tagged nofailover: \"false\"",
		arrange: func(l *lab) { l.tag(l.candidate, "nofailover", `"false"`) },
		want:    noGo,
		by:      "candidate.nofailover",
		because: "Python evaluates a non-empty string as true",
	},
	{
		name:    "candidate with failover_priority 0",
		arrange: func(l *lab) { l.tag(l.candidate, "failover_priority", "0") },
		want:    noGo,
		by:      "candidate.nofailover",
		because: "Patroni refuses since 3.2.0",
	},
	{
		name:      "unknown member",
		candidate: func(*lab) string { return "node9" },
		want:      noGo,
		by:        "candidate.member",
		because:   "patronictl refuses",
	},
	{
		name:      "the candidate is the leader",
		candidate: func(l *lab) string { return l.leader },
		want:      noGo,
		by:        "candidate.member",
		because:   "patronictl refuses",
	},
	{
		name:      "synchronous mode, candidate is not the synchronous standby",
		arrange:   (*lab).synchronous,
		candidate: func(l *lab) string { return l.other },
		want:      noGo,
		by:        "candidate.sync",
		because:   "Patroni refuses with 412",
	},

	// Processes that do not answer.
	{
		name:    "candidate's Patroni frozen",
		arrange: func(l *lab) { l.freeze(l.candidate, "-x patroni") },
		want:    noGo,
		by:      "candidate.rest",
		because: "for Patroni the candidate is not reachable",
	},
	{
		name:    "candidate's Patroni killed",
		arrange: func(l *lab) { l.kill(l.candidate) },
		want:    noGo,
		by:      "candidate.rest",
		because: "for Patroni the candidate is not reachable",
	},
	{
		name:    "candidate's PostgreSQL frozen",
		arrange: func(l *lab) { l.freeze(l.candidate, "-x postgres"); time.Sleep(4 * time.Second) },
		want:    noGo,
		because: "it could not be promoted",
	},
	{
		name:    "candidate's PostgreSQL stopped",
		arrange: (*lab).stoppedPostgres,
		want:    noGo,
		by:      "candidate.running",
		because: "for Patroni the candidate is not reachable",
	},
	{
		name:    "leader's Patroni frozen",
		arrange: func(l *lab) { l.freeze(l.leader, "-x patroni") },
		limit:   8 * time.Second,
		want:    noGo,
		by:      "leader.rest",
		because: "patronictl waits for it without a limit",
	},
	{
		name:       "candidate and bystander frozen whole",
		arrange:    (*lab).bothFrozen,
		fromLeader: true,
		want:       noGo,
		by:         "candidate.rest",
		because:    "no member can take over",
	},

	// The DCS.
	{
		name:    "two etcd of three frozen",
		arrange: func(l *lab) { l.pauseEtcd("etcd2"); l.pauseEtcd("etcd3") },
		limit:   10 * time.Second,
		want:    unknown,
		by:      "dcs.reachable",
		because: "without quorum the DCS gives no facts",
	},
	{
		name:    "etcd all down",
		arrange: (*lab).stopEtcd,
		limit:   10 * time.Second,
		want:    unknown,
		by:      "dcs.reachable",
		because: "without the DCS there are no facts; patronictl hangs",
	},
	{
		name:    "wrong scope",
		args:    []string{"--scope", "dmeo"},
		want:    unknown,
		by:      "dcs.scope",
		because: "the DCS has no such cluster",
	},

	// Rights.
	{
		name:    "PostgreSQL role without pg_monitor",
		arrange: (*lab).noMonitor,
		want:    unknown,
		by:      "candidate.streaming",
		because: "NULL columns prove nothing",
	},
	{
		name:    "wrong password",
		env:     []string{"PATRONI_SUPERUSER_USERNAME=preflight", "PATRONI_SUPERUSER_PASSWORD=wrong"},
		want:    unknown,
		by:      "lag.receive",
		because: "SQL gives no facts",
	},
	{
		name:    "pg_hba.conf refuses the role",
		arrange: (*lab).refusedByHBA,
		want:    unknown,
		by:      "lag.receive",
		because: "SQL gives no facts",
	},
}

func noCandidate(*lab) string { return "" }

func (l *lab) writes() {
	l.keepWriting("INSERT INTO ledger (note) SELECT 'light' FROM generate_series(1, 20) RETURNING 1")
}

// keepWriting writes to the leader 20 times a second until rows are counted.
func (l *lab) keepWriting(insert string) {
	stop := make(chan struct{})
	done := make(chan struct{})
	leader := l.leader
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				if out, err := l.trySQL(leader, insert); err == nil {
					l.acknowledged.Add(int64(len(strings.Fields(out))))
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	l.beforeCount(func() { close(stop); <-done })
	time.Sleep(2 * time.Second)
}

func (l *lab) twoNetworks() {
	net := l.project + "-data"
	must(l, "docker", "network", "create", net)
	l.undo(func() { command(time.Minute, nil, "docker", "network", "rm", net) })
	hba := `["local all all trust", "host all all 0.0.0.0/0 scram-sha-256", "host replication all 0.0.0.0/0 ` +
		`scram-sha-256"]`
	old := l.hba()
	for _, n := range nodes {
		must(l, "docker", "network", "connect", net, l.container(n))
		l.undo(func() { command(time.Minute, nil, "docker", "network", "disconnect", net, l.container(n)) })
		l.set(n, "postgresql.pg_hba", hba, old)
	}
	time.Sleep(3 * time.Second)
	// The network may go only when nobody streams over it any more.
	l.undo(func() {
		until(40*time.Second, func() bool {
			p := l.primaries()
			if len(p) != 1 {
				return false
			}
			out, _ := l.trySQL(
				p[0],
				"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND host(client_addr) LIKE '"+l.net+".%'",
			)
			return out == "2"
		})
	})
	for _, n := range nodes {
		ip := must(l, "docker", "inspect", "-f", `{{(index .NetworkSettings.Networks "`+net+`").IPAddress}}`, l.container(n))
		l.connURL(n, ip+":5432")
	}
	l.await(
		"all stream again",
		40*time.Second,
		func() bool { return l.streams(l.candidate, l.leader) && l.streams(l.bystander, l.leader) },
	)
	time.Sleep(3 * time.Second)
}

// hba is the lab's pg_hba.conf, as YAML.
func (l *lab) hba() string {
	return fmt.Sprintf(
		`["local all all trust", "host all all 127.0.0.1/32 scram-sha-256", "host all all %[1]s.0/24 scram-sha-256", "host `+
			`replication all 127.0.0.1/32 scram-sha-256", "host replication all %[1]s.0/24 scram-sha-256"]`,
		l.net,
	)
}

// ageKeys lets etcd's revision run away from the member keys', as in an hour of
// other clusters' writes.
func (l *lab) ageKeys() {
	err := l.etcdWithin(time.Minute, func(ctx context.Context, c *clientv3.Client) error {
		for range 200 {
			if _, err := c.Put(ctx, "/other/key", "x"); err != nil {
				return err
			}
		}
		_, err := c.Delete(ctx, "/other/key")
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) tag(node, tag, value string) {
	l.t.Helper()
	l.set(node, "tags."+tag, value, "")
	l.await(
		"the tag in the member key",
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+node), tag) },
	)
}

func (l *lab) twoNodes() {
	l.compose("stop", "-t", "10", l.bystander)
	l.undo(func() { l.compose("start", l.bystander) })
	l.await("the bystander's key to go", 40*time.Second, func() bool { return l.key("members/"+l.bystander) == "" })
}

// synchronous turns synchronous mode on; the candidate is then whoever is chosen.
func (l *lab) synchronous() {
	l.edit("synchronous_mode=on")
	l.await(
		"a synchronous standby",
		30*time.Second,
		func() bool { return strings.Contains(l.key("sync"), `"sync_standby":"node`) },
	)
	if !strings.Contains(l.key("sync"), `"sync_standby":"`+l.candidate+`"`) {
		l.candidate, l.bystander = l.bystander, l.candidate
	}
	l.other = l.bystander
	time.Sleep(2 * time.Second)
}

func (l *lab) schedule() {
	at := time.Now().Add(24 * time.Hour).UTC().Format("2006-01-02T15:04:05+00:00")
	out, code := l.patronictl(
		l.bystander,
		20*time.Second,
		"switchover",
		"demo",
		"--force",
		"--leader",
		l.leader,
		"--candidate",
		l.bystander,
		"--scheduled",
		at,
	)
	if code != 0 || !strings.Contains(l.key("failover"), "scheduled_at") {
		l.t.Fatalf("could not schedule: exit %d\n%s", code, out)
	}
	l.undo(func() { l.patronictl(l.bystander, 20*time.Second, "flush", "demo", "switchover", "--force") })
}

func (l *lab) pauseEtcd(service string) {
	must(l, "docker", "pause", l.container(service))
	l.undo(func() { command(time.Minute, nil, "docker", "unpause", l.container(service)) })
	if service == "etcd3" {
		time.Sleep(5 * time.Second)
	}
}

func (l *lab) stopEtcd() {
	for _, e := range []string{"etcd1", "etcd2", "etcd3"} {
		l.undo(func() { command(time.Minute, nil, "docker", "start", l.container(e)) })
	}
	must(l, "docker", "kill", l.container("etcd1"), l.container("etcd2"), l.container("etcd3"))
}

func (l *lab) pause() {
	if out, code := l.patronictl(l.bystander, 30*time.Second, "pause", "demo", "--wait"); code != 0 {
		l.t.Fatalf("pause: %s", out)
	}
	l.undo(func() { l.patronictl(l.bystander, 30*time.Second, "resume", "demo", "--wait") })
}

// founding is the incident that this project began with: the candidate's REST
// address is a VIP, and the VIP is on the leader.
func (l *lab) founding() { l.apiURL(l.candidate, l.vip(l.leader)+":8008") }

func (l *lab) leaderOnVIP() { l.apiURL(l.leader, l.vip(l.leader)+":8008") }

// wayBack is how the founding incident came about: the leader announces the VIP,
// is switched away from, and the VIP follows the leader.
func (l *lab) wayBack() {
	from, to := l.leader, l.candidate
	vip := l.vip(from)
	l.apiURL(from, vip+":8008")
	if out, _ := l.patronictl(
		l.bystander,
		60*time.Second,
		"switchover",
		"demo",
		"--force",
		"--leader",
		from,
		"--candidate",
		to,
	); !strings.Contains(
		out,
		"Successfully",
	) {
		l.t.Fatalf("the switchover away: %s", out)
	}
	l.sh(from, "ip addr del "+vip+"/24 dev eth0")
	l.vip(to)
	l.leader, l.candidate = to, from
	l.await("the old leader to stream", 40*time.Second, func() bool { return l.streams(from, to) })
	time.Sleep(3 * time.Second)
}

func (l *lab) swapped() {
	l.apiURL(l.candidate, l.ip(l.bystander)+":8008")
	l.apiURL(l.bystander, l.ip(l.candidate)+":8008")
}

// frozenReceiver stops the candidate's WAL receiver and writes at once, with a
// loop_wait so long that the figures in the DCS are still the old ones.
func (l *lab) frozenReceiver() {
	l.edit("loop_wait=10", "ttl=30")
	time.Sleep(3 * time.Second)
	l.behind(20_000_000)
}

// behind freezes the candidate's WAL receiver and writes about that many bytes.
func (l *lab) behind(bytes int) {
	l.freeze(l.candidate, "-f '[w]alreceiver'") // and not the shell whose arguments these are
	l.ballast(bytes)
}

// ballast writes about that many bytes of WAL, and no row of the ledger.
func (l *lab) ballast(bytes int) {
	l.t.Helper()
	l.sql(
		l.leader,
		fmt.Sprintf("INSERT INTO ballast SELECT repeat(md5(n::text), 30) FROM generate_series(1, %d) n", 1+bytes/1000),
	)
}

// pausedReplay pauses replay again and again, since Patroni resumes it.
func (l *lab) pausedReplay() {
	node := l.candidate
	must(l, "docker", "exec", "-d", l.container(node), "psql", "-X", "-q", "-h", "/run/postgresql", "-U", "postgres", "-c",
		"DO $$BEGIN FOR i IN 1..3000 LOOP PERFORM pg_wal_replay_pause(), pg_sleep(0.02); END LOOP; END$$")
	l.undo(func() {
		l.trySQL(node, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO $$BEGIN FOR%'")
		l.trySQL(node, "SELECT pg_wal_replay_resume()")
	})
	l.await(
		"replay to be paused",
		10*time.Second,
		func() bool { return l.sql(node, "SELECT pg_is_wal_replay_paused()") == "t" },
	)
	l.ballast(40_000_000)
	time.Sleep(500 * time.Millisecond)
}

// notStreaming cuts the candidate's way to the leader's PostgreSQL, then commits.
func (l *lab) notStreaming() {
	candidate, leader := l.candidate, l.leader
	l.cut(candidate)
	l.sql(leader, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = '"+candidate+"'")
	l.await("the candidate not to stream", 20*time.Second, func() bool { return !l.streams(candidate, leader) })
	l.sql(leader, "INSERT INTO ledger (note) SELECT 'lost' FROM generate_series(1, 1000)")
	time.Sleep(3 * time.Second)
}

// olderTimeline leaves the candidate behind on the timeline before the last switchover.
func (l *lab) olderTimeline() {
	// The timeline's number is used twice then, and what streams on may be corrupt.
	l.spoilt = true
	left := l.candidate
	l.cut(left)
	l.sql(l.leader, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = '"+left+"'")
	before := l.leader
	if out, _ := l.patronictl(
		l.bystander,
		60*time.Second,
		"switchover",
		"demo",
		"--force",
		"--leader",
		before,
		"--candidate",
		l.bystander,
	); !strings.Contains(
		out,
		"Successfully",
	) {
		l.t.Fatalf("the switchover in between: %s", out)
	}
	l.await("the new leader", 30*time.Second, func() bool { p := l.primaries(); return len(p) == 1 && p[0] != before })
	l.leader, l.bystander = l.bystander, before
	l.await("the old leader to stream", 40*time.Second, func() bool { return l.streams(l.bystander, l.leader) })
	l.sql(l.leader, "INSERT INTO ledger (note) SELECT 'lost' FROM generate_series(1, 1000)")
	time.Sleep(3 * time.Second)
}

func (l *lab) kill(node string) {
	l.sh(node, "touch /run/patroni.hold; pkill -KILL -x patroni")
	l.undo(func() { l.in(node, "rm -f /run/patroni.hold") })
}

// stoppedPostgres stops PostgreSQL under a Patroni that cannot start it again.
func (l *lab) stoppedPostgres() {
	node := l.candidate
	l.sh(node, "chmod a-x /usr/lib/postgresql/*/bin/postgres; pkill -INT -o -x postgres")
	l.undo(func() { l.in(node, "chmod a+x /usr/lib/postgresql/*/bin/postgres") })
	l.await(
		"Patroni to see it stopped",
		30*time.Second,
		func() bool { s, err := l.status(node); return err == nil && s.State != "running" && s.Xlog == nil },
	)
}

func (l *lab) bothFrozen() {
	for _, n := range []string{l.candidate, l.bystander} {
		must(l, "docker", "pause", l.container(n))
		l.undo(func() { command(time.Minute, nil, "docker", "unpause", l.container(n)) })
	}
}

func (l *lab) noMonitor() {
	l.sql(l.leader, "REVOKE pg_monitor FROM preflight")
	l.undo(func() {
		for _, n := range l.primaries() {
			l.trySQL(n, "GRANT pg_monitor TO preflight")
		}
	})
	time.Sleep(time.Second)
}

func (l *lab) refusedByHBA() {
	old := l.hba()
	for _, n := range nodes {
		l.set(
			n,
			"postgresql.pg_hba",
			strings.Replace(old, `"host all all 127`, `"host all preflight all reject", "host all all 127`, 1),
			old,
		)
	}
	time.Sleep(3 * time.Second)
}

// expand puts the lab's addresses into arguments.
func (l *lab) expand(args []string) []string {
	out := make([]string, 0, len(args))
	for _, a := range args {
		out = append(out, strings.ReplaceAll(a, "%VIP%", l.ip("vip")))
	}
	return out
}

var accuracyFile = os.Getenv("PREFLIGHT_ACCURACY")
