package config

import (
	"slices"
	"strings"
	"testing"
)

// refused holds a configuration that each row of the table refuses; the row is
// named by its key and its problem.
var refused = map[string]string{
	superuser + ".sslcrl: " + sqlRevoked: "postgresql: {authentication: {superuser: {sslcrl: /r, sslmode: verify-ca}}}",
	superuser + ".sslcrldir: " + sqlRevoked: "postgresql: {authentication: {superuser: {sslcrldir: /r, sslmode: " +
		"verify-full}}}",
	superuser + ".gssencmode: " + noGSSAPI: "postgresql: {authentication: {superuser: {gssencmode: require}}}",
}

// TestEveryRefusal holds that each row of the table refuses, by name and place,
// and that the configuration passes once the row is gone.
func TestEveryRefusal(t *testing.T) {
	if len(refused) != len(refusals) {
		t.Errorf("%d cases for %d rows", len(refused), len(refusals))
	}
	for i, row := range refusals {
		t.Run(row.key, func(t *testing.T) {
			text, ok := refused[row.key+": "+row.problem]
			if !ok {
				t.Fatalf("no case refuses %q: %q", row.key, row.problem)
			}
			base := "scope: demo\n"
			if !strings.Contains(text, "etcd3:") {
				base += "etcd3: {host: e}\n"
			}
			w, flags := file(t, base+text+"\n")
			only := []refusal{row}
			c, err := w.loadWith(flags, only)
			if err == nil {
				t.Fatalf("accepted: %+v", c)
			}
			for _, word := range []string{flags.File + ", line ", row.key + ": " + row.problem, row.remedy} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
			w.mustFail(flags, flags.File+", line ") // by the whole table

			_, err = w.loadWith(flags, slices.Delete(slices.Clone(refusals), i, i+1))
			switch {
			case strings.Contains(text, "etcd3: null"):
				// The missing store still stands in the way.
			case err != nil:
				t.Errorf("refused without the row: %v", err)
			}
		})
	}
}

func TestRefusedFromEnvironmentAndFlags(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"SUPERUSER_GSSENCMODE", "require", superuser + ".gssencmode"},
		{"ETCD_HOSTS", "a", "etcd: etcd's v2 API"},
		{"CONSUL_HOST", "a", "consul: Consul is not read"},
	} {
		w, flags := file(t, minimal)
		w.vars["PATRONI_"+tc.name] = tc.value
		w.mustFail(flags, "environment variable PATRONI_"+tc.name+": ", tc.want)
		flags.DCSURL = "etcd3://e" // replaces what is said of stores, nothing else
		if strings.HasPrefix(tc.name, "ETCD_") || strings.HasPrefix(tc.name, "CONSUL") {
			w.must(flags)
		} else {
			w.mustFail(flags, tc.want)
		}
	}
	for _, name := range []string{"ZOOKEEPER_HOSTS", "EXHIBITOR_HOSTS", "RAFT_SELF_ADDR", "KUBERNETES_LABELS"} {
		w := newWorld(t)
		w.vars["PATRONI_"+name] = "a"
		w.mustFail(Flags{Scope: "demo"}, "environment variable PATRONI_"+name+": ", "is not read, and no REST API is named")
	}
}

// TestHarmless: what changes nothing for somebody who only looks.
func TestHarmless(t *testing.T) {
	for _, text := range []string{
		"etcd3: {host: e, protocol: http, cacert: '', cert: null, username: '', use_proxies: false}",
		"etcd3: {host: e, use_proxies: 'off'}",
		"ctl: {insecure: false, authentication: {username: u, password: " + secret + "}}",
		"ctl: {insecure: no, certfile: ''}",
		"restapi: {listen: '0.0.0.0:8008', connect_address: 'a:8008', certfile: /nowhere, keyfile: /nowhere, " +
			"authentication: {username: u, password: " + secret + "}, verify_client: required, allowlist: [a]}",
		"postgresql: {authentication: {superuser: {sslmode: Prefer, gssencmode: prefer, channel_binding: prefer, " +
			"sslnegotiation: postgres, sslcrl: /r}}}",
		"postgresql: {authentication: {superuser: {sslmode: disable}, replication: {sslmode: verify-full, sslcert: /c}, " +
			"rewind: {sslkey: /k}}}",
		"postgresql: {authentication: {superuser: {sslcert: /c, sslkey: /k, sslpassword: x}}}\npreflight: {postgresql: " +
			"{username: u}}",
		"name: node1\ntags: {nofailover: true}\nbootstrap: {dcs: {ttl: 30}}\nwatchdog: {mode: required}\nlog: {level: INFO}",
		"postgresql: {data_dir: /d, parameters: {a: 1, a: 2}, pg_hba: [x], name: y}",
		"citus: null",
		"citus: {group: '0', database: citus}",
		"citus: {group: 0}",
		"citus: [0]",
		"unknown: {whatever: [1, 2, {3: 4}]}",
	} {
		base := "scope: demo\n"
		if !strings.Contains(text, "etcd3:") {
			base += "etcd3: {host: e}\n"
		}
		w, flags := file(t, base+text+"\n")
		if c := w.must(flags); len(c.Warnings) > 0 {
			t.Errorf("%s: warnings %q", text, c.Warnings)
		}
	}
}

func TestRefusalNamesAllKeysOfAKind(t *testing.T) {
	w, flags := file(
		t,
		minimal+"postgresql: {authentication: {superuser: {sslmode: verify-ca, sslcrl: /a, sslcrldir: /b}}}\n",
	)
	w.mustFail(flags, superuser+".sslcrl: "+sqlRevoked+" (also: "+superuser+".sslcrldir); ")
}
