package preflight_test

import (
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// leaderAnswersAt is a candidate whose api_url leads the leader to itself, in a
// Patroni that gives no name in its answer, with the leader's position of the report.
func leaderAnswersAt(version, url string, at fact.LSN) func(s *fact.Recording) {
	return func(s *fact.Recording) {
		level(s, at)
		runsPatroni(s, version)
		apiURL(s, "node2", url, "node1")
	}
}

// itself are the two things to see where a leader reaches itself at that address.
func itself(version, url string, at fact.LSN) []look {
	return []look{
		{
			name: "the address",
			by:   "identity.address",
			on:   "node2",
			as:   preflight.Blocks,
			says: []string{`api_url is "` + url + `"`, "reaches itself"},
			do:   leaderAnswersAt(version, url, at),
		},
		{
			name: "the answer",
			by:   "identity.rest_role",
			on:   "node2",
			as:   preflight.Blocks,
			says: []string{
				"role master, by its start time the server of node1 (the leader)",
				"counts an answer from a primary as WAL position 0",
			},
			do: leaderAnswersAt(version, url, at),
		},
	}
}

// unfit are the grounds for 412 "no good candidates have been found": by Patroni's
// source there is no other (patroni/ha.py, failover_limitation).
func unfit(version string) []look {
	release := func(do func(s *fact.Recording)) func(s *fact.Recording) {
		return func(s *fact.Recording) { runsPatroni(s, version); do(s) }
	}
	return []look{
		{
			name: "nobody listens",
			by:   "candidate.rest",
			on:   "node2",
			as:   preflight.Blocks,
			says: []string{"connection refused", "412"},
			do:   release(func(s *fact.Recording) { apiURL(s, "node2", "http://10.77.9.22:8009/patroni", "") }),
		},
		{
			name: "no answer within two seconds",
			by:   "candidate.rest",
			on:   "node2",
			as:   preflight.Blocks,
			says: []string{"answered after 2.6 s", "412"},
			do:   release(func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Stamp.Seconds = 2.6 }),
		},
		{
			name: "no position in the answer",
			by:   "candidate.running",
			on:   "node2",
			as:   preflight.Blocks,
			says: []string{"state starting, no WAL position", "412"},
			do: release(func(s *fact.Recording) {
				r, none := facttest.Member(
					s.Snapshot,
					"node2",
				).REST.Value, fact.NotKnown[fact.LSN](
					fact.Absent,
					"no xlog in the answer",
				)
				r.State, r.Received, r.Replayed = fact.Known("starting"), none, none
			}),
		},
		{
			name: "nofailover",
			by:   "candidate.nofailover",
			on:   "node2",
			as:   preflight.Blocks,
			says: []string{"tag nofailover", "412"},
			do:   release(func(s *fact.Recording) { tag(s, "node2", fact.Tags{"nofailover": true}) }),
		},
		{
			name: "watchdog",
			by:   "candidate.watchdog",
			on:   "node2",
			as:   preflight.Blocks,
			says: []string{"watchdog is required and cannot be used", "412"},
			do: release(func(s *fact.Recording) {
				facttest.Member(s.Snapshot, "node2").REST.Value.WatchdogFailed = fact.Known(true)
			}),
		},
	}
}

const (
	fromElsewhere = "The report does not say which of the possible causes of this refusal applied; the checks report " +
		"each of them. If only the leader cannot reach the candidate, that is visible on the leader's machine alone."
	trustIsTheirs = "If the configuration of this tool does not trust the certificate, the verdict is UNKNOWN with the " +
		"remedy. Whether the leader or patronictl on another machine trusts it is visible only there."
	onlyPOST = "Only a POST shows whether a password is required and correct. switchover and drill rehearse one before " +
		"they ask for confirmation; check sends none, and its report says so."
)

const selfSigned = "its certificate is signed by a CA that is not trusted here (CN=node): give that CA in ctl.cacert"

// answered is a leader that answered a rehearsed request so.
func answered(a fact.RequestAnswer) func(*fact.Recording) {
	return func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").Request = fact.Known(a) }
}

// distrusted is a member of which the REST API shows a certificate that does not
// verify by this tool's configuration (internal/secure has the words).
func distrusted(s *fact.Recording, member, why string) {
	facttest.Member(s.Snapshot, member).Key.Value.APIURL = fact.Known("https://10.77.42.12:8008/patroni")
	facttest.Member(s.Snapshot, member).REST = fact.NotKnown[fact.REST](
		fact.TLS,
		"GET https://10.77.42.12:8008/patroni: %s",
		why,
	)
}

var addressCases = []fieldCase{
	{
		id: "R1-01", ref: "patroni/patroni#3230", state: named,
		what:     "503 while patronictl list shows lag 0: the candidate's api_url is a VIP that has moved to the leader",
		scenario: "the founding incident: candidate's api_url is a VIP on the leader",
		looks: []look{
			{
				name: "as reported, Patroni 3.3.2",
				by:   "identity.rest_name",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{
					"the answer is from node1 (the leader), expected node2",
					"GET http://10.77.0.207:8008/patroni",
					"count node2 as WAL position 0",
				},
				do: func(s *fact.Recording) {
					level(s, 141999447971120)
					runsPatroni(s, "3.3.2")
					tag(s, "node1", fact.Tags{"nofailover": false, "failover_priority": 1.0})
					tag(s, "node2", fact.Tags{"nofailover": false, "failover_priority": 2.0})
					tag(s, "node3", fact.Tags{"nofailover": true, "nosync": true})
					facttest.Member(s.Snapshot, "node2").Key.Value.Xlog = fact.Known(fact.LSN(141999446302576))
					s.DCS.Cluster.Value.Optime = fact.Known(fact.LSN(141999446302576))
					apiURL(s, "node2", "http://10.77.0.207:8008/patroni", "node1")
				},
			},
			{
				name: "recorded, Patroni 4.0",
				by:   "identity.rest_name",
				on:   theCandidate,
				as:   preflight.Blocks,
				says: []string{"the answer is from node2 (the leader), expected node1"},
				from: "trixie-the-founding-incident-candidate-s-api-url-is-a-vip-on-the-leader",
			},
			{
				name: "recorded, Patroni 3.0 without names",
				by:   "identity.rest_role",
				on:   theCandidate,
				as:   preflight.Blocks,
				says: []string{"role master, by its start time the server of node1 (the leader)"},
				from: "bookworm-the-founding-incident-candidate-s-api-url-is-a-vip-on-the-leader",
			},
		},
	},
	{
		id:       "R1-02",
		ref:      "patroni/patroni#423",
		state:    named,
		what:     "both api_urls are 127.0.0.1: the leader reads its own status",
		scenario: "candidate's api_url = 127.0.0.1",
		looks:    itself("1.2.3", "http://127.0.0.1:8008/patroni", 51059728),
	},
	{
		id: "R1-03", ref: "patroni/patroni#832", state: named, what: "the api_urls are localhost with each node's port",
		scenario: "candidate's api_url = 127.0.0.1", looks: itself("1.4.4", "http://127.0.0.1:8009/patroni", 184691720),
	},
	{
		id:       "R1-04",
		ref:      "patroni/patroni#886",
		state:    named,
		what:     "a loopback api_url in synchronous mode",
		scenario: "candidate's api_url = 127.0.0.1",
		looks: []look{
			{
				name: "the synchronous standby",
				by:   "identity.address",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{`api_url is "http://127.0.0.1:8008/patroni"`},
				do: func(s *fact.Recording) {
					syncMembers(s, "on", "node2")
					facttest.ServerVersion(s, 110001)
					leaderAnswersAt("1.5.3", "http://127.0.0.1:8008/patroni", 0x5067B10)(s)
				},
			},
		},
	},
	{
		id: "R1-05", ref: "patroni/patroni#1784", state: named, what: "api_url is 0.0.0.0, so every node connects to itself",
		scenario: "candidate's api_url = 0.0.0.0", looks: itself("2.0.1", "http://0.0.0.0:8001/patroni", 0x5067B10),
	},
	{
		id:    "R1-07",
		ref:   "patroni/patroni#2713",
		state: open,
		why: "The report does not establish how the addresses lost their hosts. The checks report the missing hosts and " +
			"the lag.",
		what: "two of three api_urls have no host; those replicas are on timeline 15 of 19 and 230193504 bytes behind",
		looks: []look{
			{
				name: "the address",
				by:   "identity.address",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{`api_url is "http://:8008/patroni"`, "No node can reach the member at this address"},
				do:   emptyHosts,
			},
			{
				name: "the lag",
				by:   "lag.receive",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"230193504 bytes"},
				do:   emptyHosts,
			},
		},
	},
	{
		id:       "R1-08",
		ref:      "patroni/patroni#2048",
		state:    open,
		why:      fromElsewhere,
		what:     "412, no good candidates, at lag 0; both members wait for a restart",
		scenario: "candidate's api_url = a closed port",
		looks: append(
			unfit("2.1.0"),
			look{
				name: "settings wait",
				by:   "settings.pending_restart",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"pending_restart"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.1.2")
					facttest.Dynamic(s).UsePgRewind = fact.Known(false)
					facttest.Member(s.Snapshot, "node2").Key.Value.PendingRestart = fact.Known(true)
				},
			},
		),
	},
	{
		id:       "R1-09",
		ref:      "patroni/patroni#2744",
		state:    open,
		why:      fromElsewhere,
		what:     "412, no good candidates, after a replica was rebooted",
		scenario: "candidate's PostgreSQL stopped",
		looks:    unfit("3.0.2"),
	},
	{
		id:       "R1-10",
		ref:      "patroni/patroni#2362",
		state:    open,
		why:      fromElsewhere,
		what:     "412, no good candidates, with two nodes at lag 0",
		scenario: "candidate tagged nofailover",
		looks:    unfit("2.1.4"),
	},
	{
		id:       "R1-11",
		ref:      "patroni/patroni#2153",
		state:    open,
		why:      fromElsewhere,
		what:     "412, no good candidates, with check_timeline on and no slots",
		scenario: "candidate's Patroni frozen",
		looks:    unfit("2.1.2"),
	},
	{
		id:       "R1-12",
		ref:      "patroni/patroni#2263",
		state:    named,
		what:     "the leader's REST API refuses connections, so patronictl cannot send the request",
		scenario: "the leader's REST port is closed to the others",
		looks: []look{
			{
				name: "refused",
				by:   "leader.rest",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{
					"connection refused",
					"Nothing listens there. patronictl would write the request into the DCS itself",
				},
				do: func(s *fact.Recording) {
					apiURL(s, "node1", "http://10.77.9.21:8008/patroni", "")
				},
			},
		},
	},
	{
		id:    "R1-14",
		ref:   "kostiantyn-nemchenko/ansible-role-patroni PR#9",
		state: named,
		what:  "a role's template gave every node a connect_address that the other nodes cannot reach",
		looks: []look{
			{
				name: "loopback on every node",
				by:   "identity.address",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{`api_url is "http://127.0.0.1:8008/patroni"`, "an address of that node which the other nodes reach"},
				do: func(s *fact.Recording) {
					for _, m := range []string{"node1", "node2", "node3"} {
						apiURL(s, m, "http://127.0.0.1:8008/patroni", "")
					}
				},
			},
		},
	},
}

func emptyHosts(s *fact.Recording) {
	runsPatroni(s, "2.1.0")
	level(s, 1<<40)
	for _, m := range []string{"node1", "node2", "node3"} {
		atTimeline(s, m, 15)
	}
	atTimeline(s, "node1", 19)
	for _, m := range []string{"node2", "node3"} {
		behindBy(s, m, 230193504)
		apiURL(s, m, "http://:8008/patroni", "")
	}
}

var clientCases = []fieldCase{
	{
		id:    "R2-01",
		ref:   "patroni/patroni#785",
		state: inPart,
		why:   trustIsTheirs,
		what:  "patronictl does not trust a self-signed certificate of the REST API",
		looks: []look{
			{
				name: "the leader's",
				by:   "leader.rest",
				on:   "node1",
				as:   preflight.Unseen,
				says: []string{"signed by a CA that is not trusted here", "ctl.cacert"},
				do:   func(s *fact.Recording) { distrusted(s, "node1", selfSigned) },
			},
		},
	},
	{
		id:    "R2-02",
		ref:   "patroni/patroni#1597",
		state: inPart,
		why:   trustIsTheirs,
		what:  "patronictl's writes fail with an unknown CA",
		looks: []look{
			{
				name: "the candidate's",
				by:   "candidate.rest",
				on:   "node2",
				as:   preflight.Unseen,
				says: []string{"signed by a CA that is not trusted here", "ctl.cacert"},
				do:   func(s *fact.Recording) { distrusted(s, "node2", selfSigned) },
			},
		},
	},
	{
		id:    "R2-03",
		ref:   "patroni/patroni#2399",
		state: never,
		why:   "It depends on the TLS library of patronictl on that machine.",
		what:  "TLS connections are sometimes closed early",
	},
	{
		id:    "R2-04",
		ref:   "zalando/spilo#627",
		state: named,
		what:  "the certificate does not name the IP address in api_url",
		looks: []look{
			{
				name: "verified",
				by:   "candidate.rest",
				on:   "node2",
				as:   preflight.Unseen,
				says: []string{"is for node2.example, not for 10.77.42.12"},
				do: func(s *fact.Recording) {
					distrusted(
						s,
						"node2",
						"its certificate is for node2.example, not for 10.77.42.12: issue one with that name too, or use an address "+
							"that it has",
					)
				},
			},
			{
				name: "not verified",
				by:   "tls.rest_certificate",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"a certificate for node2.example, expected a certificate for 10.77.42.12", "patronictl reload"},
				do: func(s *fact.Recording) {
					facttest.ShownBy(
						s,
						"node2",
						facttest.Year,
						func(c *fact.Certificate) { c.Names, c.Matches = []string{"node2.example"}, false },
					)
				},
			},
		},
	},
	{
		id:    "R2-05",
		ref:   "patroni/patroni#2739",
		state: named,
		what:  "the certificate names the IP address as if it were a host name",
		looks: []look{
			{
				name: "not verified",
				by:   "tls.rest_certificate",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"a certificate for 10.77.42.12 (as a host name), expected a certificate for 10.77.42.12"},
				do: func(s *fact.Recording) {
					facttest.ShownBy(
						s,
						"node2",
						facttest.Year,
						func(c *fact.Certificate) { c.Names, c.Matches = []string{"10.77.42.12 (as a host name)"}, false },
					)
				},
			},
		},
	},
	{
		id:    "R2-06",
		ref:   "patroni/patroni#1714",
		state: inPart,
		why:   onlyPOST,
		what:  "401: patronictl sends no password",
		looks: []look{{
			name: "rehearsed",
			by:   "leader.request",
			on:   "node1",
			as:   preflight.Blocks,
			says: []string{"HTTP 401, no auth header received", "as ctl.authentication"},
			do:   answered(fact.RequestAnswer{HTTPStatus: fact.LoginRefused, Text: "no auth header received"}),
		}},
	},
	{
		id:    "R2-07",
		ref:   "patroni/patroni#1844",
		state: inPart,
		why:   onlyPOST,
		what:  "401 although the password is in the file",
		looks: []look{{
			name: "rehearsed",
			by:   "leader.request",
			on:   "node1",
			as:   preflight.Blocks,
			says: []string{"HTTP 401, not authenticated", "Compare ctl.authentication"},
			do:   answered(fact.RequestAnswer{HTTPStatus: fact.LoginRefused, Text: "not authenticated", LoggedIn: true}),
		}},
	},
	{
		id:    "R2-08",
		ref:   "autobase-tech/autobase#937",
		state: never,
		why:   onlyPOST,
		what:  "401: a playbook sends a password although none is configured",
	},
}

var lagReports = []fieldCase{
	{
		id:    "R3-01",
		ref:   "patroni/patroni#1860, #1849, #1854, #1858",
		state: named,
		what:  "Patroni 2.0.1 with archiving: after a clean shutdown every replica counts as one WAL file behind",
		looks: []look{
			{
				name: "archive_mode always",
				by:   "patroni.faults",
				as:   preflight.Warns,
				says: []string{
					"Patroni 2.0.1",
					"archive_mode is always, and maximum_lag_on_failover (1048576) is less than a WAL file (16777216)",
					"2.1.0 or later",
				},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.0.1")
					facttest.ServerVersion(s, 130005)
					archiving(s, "always")
				},
			},
		},
	},
	{
		id:       "R3-02",
		ref:      "zalando/postgres-operator#1476",
		state:    open,
		why:      "The report does not say why the replica lagged.",
		what:     "a node is drained, and its replica lags too far behind to take over",
		scenario: "candidate's WAL receiver frozen, 20 MB behind",
		looks: []look{
			{
				name: "lag",
				by:   "lag.receive",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"20971520 bytes, expected at most 1048576"},
				do:   func(s *fact.Recording) { behindBy(s, "node2", 20<<20) },
			},
		},
	},
	{
		id:    "R3-03",
		ref:   "zalando/spilo#1152",
		state: open,
		why: "The report does not establish the cause. Its log lines have two possible causes, and the checks report " +
			"both.",
		what:     "the leader's log says that the candidate lags too much, although no client writes",
		scenario: "candidate's api_url = the leader's",
		looks: []look{
			{
				name: "the leader answers for the candidate",
				by:   "identity.rest_name",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"the answer is from node1 (the leader)", "exceeds maximum replication lag"},
				do:   func(s *fact.Recording) { apiURL(s, "node2", "http://10.77.9.21:8008/patroni", "node1") },
			},
			{
				name: "Patroni's own figure",
				by:   "lag.patroni",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"optime in the DCS", "1048577 bytes, expected at most maximum_lag_on_failover = 1048576"},
				do: func(s *fact.Recording) {
					s.DCS.Cluster.Value.Optime = fact.Known(facttest.Member(s.Snapshot, "node2").REST.Value.Received.Must() + 1048577)
				},
			},
		},
	},
	{
		id:    "R3-04",
		ref:   "zalando/postgres-operator#109",
		state: named,
		what:  "a replica in state running was behind and not eligible; the operator had not compared WAL positions",
		looks: []look{
			{
				name: "the backlog",
				by:   "lag.receive",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"52428800 bytes"},
				do:   func(s *fact.Recording) { cutOff(s, "node2"); behindBy(s, "node2", 50<<20) },
			},
			{
				name: "running is not streaming",
				by:   "candidate.streaming",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"no WAL receiver is running", "50.0 MB at present"},
				do:   func(s *fact.Recording) { cutOff(s, "node2"); behindBy(s, "node2", 50<<20) },
			},
		},
	},
	{
		id:    "R3-05",
		ref:   "patroni/patroni#2151",
		state: named,
		what:  "the only replica is 784 MB behind and never eligible",
		looks: []look{
			{
				name: "784 MB",
				by:   "lag.receive",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"822083584 bytes, expected at most 1048576"},
				do: func(s *fact.Recording) {
					level(s, 1<<40)
					facttest.WithoutNode3(s)
					cutOff(s, "node2")
					behindBy(s, "node2", 784<<20)
				},
			},
		},
	},
	{
		id:    "R3-06",
		ref:   "patroni/patroni#1090",
		state: named,
		what:  "a member is running and 61675 MB behind",
		looks: []look{
			{
				name: "as the candidate",
				by:   "lag.receive",
				on:   "node3",
				as:   preflight.Blocks,
				says: []string{"64670924800 bytes"},
				do:   farBehind,
			},
		},
	},
	{
		id:    "R3-08",
		ref:   "apecloud/kubeblocks-addons#3147",
		state: inPart,
		why: "A replica that is behind at present is named. That a crash would find every replica behind is about an " +
			"automatic failover; in a switchover the old leader waits for the candidate.",
		what: "under load every replica is more than 1 MB behind the leader's last position",
		looks: []look{
			{
				name: "behind now",
				by:   "lag.receive",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"at most 1048576"},
				do: func(s *fact.Recording) {
					behindBy(s, "node2", 3<<20)
					behindBy(s, "node3", 3<<20)
				},
			},
		},
	},
	{
		id:    "R3-09",
		ref:   "patroni/patroni#2700",
		state: open,
		why: "The report does not establish the cause. The checks report each reason to refuse a switchover in a standby " +
			"cluster.",
		what: "503 in a standby cluster, all running at lag 0",
		looks: []look{
			{
				name: "behind the position in the DCS",
				by:   "lag.patroni",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"2097152 bytes"},
				do: func(s *fact.Recording) {
					facttest.StandbySite(s)
					s.DCS.Cluster.Value.Optime = fact.Known(facttest.Member(s.Snapshot, "node2").REST.Value.Received.Must() + 2<<20)
				},
			},
			{
				name: "synchronous mode before 3.2.0",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"this is a standby cluster, and synchronous mode is on"},
				do: func(s *fact.Recording) {
					facttest.StandbySite(s)
					runsPatroni(s, "3.0.2")
					syncMembers(s, "on")
				},
			},
		},
	},
}

func farBehind(s *fact.Recording) {
	level(s, 1<<40)
	cutOff(s, "node3")
	behindBy(s, "node3", 61675<<20)
	s.Question.Candidate = "node3"
}
