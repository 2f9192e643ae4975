package config

import (
	"slices"
	"strings"
	"testing"
)

// TestStoreOrder: Patroni takes the first in the order of their names. Before
// etcd3 it is another store, behind it one that is not used.
func TestStoreOrder(t *testing.T) {
	for _, store := range stores {
		w, flags := file(t, minimal+store+": {host: x}\nrestapi: {connect_address: 'a:8008'}\n")
		if store == "etcd3" {
			continue
		}
		c := w.must(flags)
		if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "line 3: "+store) {
			t.Errorf("%s: warnings %q", store, c.Warnings)
		}
		switch {
		case store < "etcd3":
			if c.Store != store || !slices.Equal(c.APIURLs, []string{"http://a:8008"}) || c.Etcd3.Endpoints != nil ||
				!strings.Contains(c.Warnings[0], "never GO") {
				t.Errorf("%+v", c)
			}
		case c.Store != "etcd3" || c.APIURLs != nil || !strings.Contains(c.Warnings[0], " is not used"):
			t.Errorf("%s: %+v", store, c)
		}
	}
}

// TestUnreadStore: whose REST API is asked where the store is not read.
func TestUnreadStore(t *testing.T) {
	const base = "scope: demo\nconsul: {host: c, token: " + secret + "}\n"
	for _, tc := range []struct {
		name, text string
		flags      []string
		want       []string
	}{
		{"the node's own", "restapi: {connect_address: '10.0.0.1:8008'}\n", nil, []string{"http://10.0.0.1:8008"}},
		{"by https", "restapi: {connect_address: '10.0.0.1:8008', certfile: /x}\n", nil, []string{"https://10.0.0.1:8008"}},
		{"IPv6", "restapi: {connect_address: '[fd00::1]:8008'}\n", nil, []string{"http://[fd00::1]:8008"}},
		{"IPv6 without a port", "preflight: {api_urls: ['http://[fd00::1]']}\n", nil, []string{"http://[fd00::1]"}},
		{"named ones instead", "restapi: {connect_address: 'a:8008'}\npreflight: {api_urls: ['http://c:1', 'https://b:2/patroni', 'http://c:1']}\n", nil, []string{"http://c:1", "https://b:2"}},
		{"as one text", "preflight: {api_urls: 'http://a:1, http://b:1'}\n", nil, []string{"http://a:1", "http://b:1"}},
		{"flags", "restapi: {connect_address: 'a:8008'}\n", []string{"http://b:8008"}, []string{"http://b:8008"}},
		{"flags beside the key", "preflight: {api_urls: [http://a:1]}\n", []string{"http://b"}, []string{"http://a:1", "http://b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, base+tc.text)
			flags.APIURLs = tc.flags
			if c := w.must(flags); c.Store != "consul" || !slices.Equal(c.APIURLs, tc.want) {
				t.Errorf("%s, %q, want %q", c.Store, c.APIURLs, tc.want)
			}
		})
	}
	for _, tc := range []struct {
		name, text string
		flags      []string
		says       string
	}{
		{"none", "", nil, "line 2: consul: Consul is not read, and no REST API is named"},
		{"no URL", "", []string{"b:8008"}, "flag --api-url: preflight.api_urls: is not the URL of a REST API; write http://host:8008"},
		{"a login", "", []string{"http://u:" + secret + "@b:8008"}, "contains a user or a password"},
		{"no host", "preflight: {api_urls: ['http://:8008']}\n", nil, "line 3: preflight.api_urls[0]"},
		{"garbage", "preflight: {api_urls: ['http://" + secret + ":x']}\n", nil, "preflight.api_urls[0]: is not the URL"},
		{
			"a faulty address",
			"restapi: {connect_address: 'a:b:c'}\n",
			nil,
			"restapi.connect_address: has more than one colon",
		},
		{
			"Citus",
			"restapi: {connect_address: 'a:8008'}\ncitus: {group: 0, database: c}\n",
			nil,
			"citus: a Citus cluster in a store other",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, base+tc.text)
			flags.APIURLs, flags.EveryGroup = tc.flags, true
			w.mustFail(flags, tc.says)
		})
	}
	w, flags := file(t, base+"restapi: {connect_address: 'a:8008'}\n")
	flags.Group = "0"
	w.mustFail(flags, "flag --group: citus.group: ", "a store other than etcd v3")
	w, flags = file(t, minimal)
	flags.APIURLs = []string{"http://a:8008"}
	w.mustFail(flags, "flag --api-url", "is not used, since etcd3 is configured")
}

// TestMisspeltStore: a section that is near a store's name is named with its line.
func TestMisspeltStore(t *testing.T) {
	for word, meant := range map[string]string{
		"ectd3":     "etcd3",
		"etcd_3":    "etcd3",
		"ETCD3":     "etcd3",
		"etcdv3":    "etcd3",
		"zookeper":  "zookeeper",
		"Zookeeper": "zookeeper",
		"consol":    "consul",
		"kubernets": "kubernetes",
		"exibitor":  "exhibitor",
		"raf":       "raft",
	} {
		w, flags := file(t, "scope: demo\nname: x\n"+word+": {host: e}\n")
		w.mustFail(flags, "line 3: "+word+": is not a store that Patroni knows", "did you mean "+meant+"?")
	}
	// What is near nothing, and sections that are no store, are not blamed.
	w, flags := file(
		t,
		"scope: demo\nrestapi: {listen: 'a:1'}\nctl: {}\nlog: {}\nwatchdog: {}\nconfig: {}\ncassandra: {}\n",
	)
	w.mustFail(flags, "etcd3: no store is configured")
}
