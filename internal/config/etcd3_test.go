package config

import (
	"slices"
	"strings"
	"testing"
)

func TestEndpoints(t *testing.T) {
	for _, tc := range []struct {
		name, etcd3 string
		want        []string
		warn        string
	}{
		{"host", "{host: e}", []string{"http://e:2379"}, ""},
		{"host and port in one", "{host: 'e:1234'}", []string{"http://e:1234"}, ""},
		{"port", "{host: e, port: 1234}", []string{"http://e:1234"}, ""},
		{"port as text", "{host: e, port: '1234'}", []string{"http://e:1234"}, ""},
		{"port wins over the one in host", "{host: 'e:1', port: 1234}", []string{"http://e:1234"}, ""},
		{"port does not win over the ones in hosts", "{hosts: ['a:1', b], port: 1234}", []string{"http://a:1", "http://b:1234"}, ""},
		{"hosts", "{hosts: [a, 'b:1', 10.0.0.1, '10.0.0.2:2']}", []string{"http://a:2379", "http://b:1", "http://10.0.0.1:2379", "http://10.0.0.2:2"}, ""},
		{"hosts as text", "{hosts: 'a:1, b:2,c'}", []string{"http://a:1", "http://b:2", "http://c:2379"}, ""},
		{"names with dots, dashes and underscores", "{hosts: [etcd-1.a.example, my_etcd_1, a.example.]}", []string{"http://etcd-1.a.example:2379", "http://my_etcd_1:2379", "http://a.example.:2379"}, ""},
		{"IPv6", "{hosts: ['[2001:db8::1]:1', '[::1]']}", []string{"http://[2001:db8::1]:1", "http://[::1]:2379"}, ""},
		{"url", "{url: 'http://e:1234'}", []string{"http://e:1234"}, ""},
		{"url without port", "{url: 'http://e'}", []string{"http://e:2379"}, ""},
		{"url with a path, which Patroni passes over", "{url: 'HTTP://[::1]:1/v3?x=y'}", []string{"http://[::1]:1"}, ""},
		{"url takes its own port", "{url: 'http://e', port: 1234}", []string{"http://e:2379"}, ""},
		{"url before host", "{url: 'http://u', host: h}", []string{"http://u:2379"}, "etcd3.host is not used"},
		{"url before hosts", "{url: 'http://u', hosts: [h]}", []string{"http://u:2379"}, "etcd3.hosts is not used"},
		{"hosts before host", "{hosts: [hs], host: h}", []string{"http://hs:2379"}, "etcd3.host is not used"},
		{"null is absent", "{url: null, hosts: ~, host: h, port: null, cacert: }", []string{"http://h:2379"}, ""},
		{"protocol", "{protocol: HTTP, host: h}", []string{"http://h:2379"}, ""},
		{"keys of Patroni's own", "{host: h, retry: [1], whatever: {a: b}}", []string{"http://h:2379"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, "scope: demo\netcd3: "+tc.etcd3+"\n")
			c := w.must(flags)
			if !slices.Equal(c.Etcd3.Endpoints, tc.want) {
				t.Errorf("%q, want %q", c.Etcd3.Endpoints, tc.want)
			}
			if tc.warn == "" && len(c.Warnings) > 0 ||
				tc.warn != "" && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "line 2: "+tc.warn)) {
				t.Errorf("warnings %q, want %q", c.Warnings, tc.warn)
			}
		})
	}
}

func TestBadEndpoints(t *testing.T) {
	for _, tc := range []struct{ name, etcd3, want string }{
		{"nothing", "{}", "etcd3: names no server"},
		{"text", "localhost:2379", "etcd3: expected a mapping, found text"},
		{"empty list", "{hosts: []}", "etcd3.hosts: is empty"},
		{"null in a list", "{hosts: [a, ~]}", "etcd3.hosts[1]: expected text, found nothing"},
		{"mapping in a list", "{hosts: [{host: a}]}", "etcd3.hosts[0]: expected text, found a mapping"},
		{"space after the colon", "{hosts: [a: 2379]}", "etcd3.hosts[0]: expected text, found a mapping"},
		{"empty text in a list", "{hosts: [a, '']}", "etcd3.hosts[1]: is empty"},
		{"comma at the end", "{hosts: 'a:1,'}", "etcd3.hosts[1]: is empty"},
		{"empty host", "{host: ''}", "etcd3.host: is empty"},
		{"several hosts in host", "{host: 'a,b:2379'}", "list them in etcd3.hosts"},
		{"list in host", "{host: [a, b]}", "etcd3.host: expected text, found a list"},
		{"scheme in hosts", "{hosts: ['http://" + secret + ":2379']}", "etcd3.hosts[0]: has a scheme"},
		{"credentials in host", "{host: 'u:" + secret + "@h:2379'}", "do not belong here"},
		{"password for a port", "{host: 'h:" + secret + "'}", "invalid port"},
		{"no port after the colon", "{host: 'h:'}", "invalid port"},
		{"port 0", "{host: 'h:0'}", "invalid port"},
		{"port too large", "{host: 'h:65536'}", "invalid port"},
		{"negative port", "{host: h, port: -1}", "etcd3.port: is not a port"},
		{"port of another type", "{host: h, port: 1.5}", "etcd3.port: expected a port, found a number"},
		{"list for a port", "{host: h, port: [2379]}", "etcd3.port: expected a port, found a list"},
		{"true for a port", "{host: h, port: true}", "etcd3.port: expected a port, found true or false"},
		{"IPv6 without brackets", "{host: '::1'}", "[address]:port"},
		{"IPv6 without brackets, with port", "{host: '2001:db8::1:2379'}", "[address]:port"},
		{"IPv4 in brackets", "{host: '[10.0.0.1]:2379'}", "not an IPv6 address in brackets"},
		{"bracket left open", "{host: '[::1'}", "not an IPv6 address in brackets"},
		{"text after the bracket", "{host: '[::1]2379'}", "not an IPv6 address in brackets"},
		{"zone", "{host: '[fe80::1%eth0]:2379'}", "zone"},
		{"mistyped address", "{host: 10.0.0.300}", "neither an IP address nor a host name"},
		{"three parts of an address", "{host: 10.0.0}", "neither an IP address nor a host name"},
		{"space in a name", "{host: 'a b'}", "neither an IP address nor a host name"},
		{"control character in a name", `{host: "a\nb"}`, "neither an IP address nor a host name"},
		{"name too long", "{host: " + strings.Repeat("a.", 130) + "a}", "neither an IP address nor a host name"},
		{"number for a host", "{host: 10}", "neither an IP address nor a host name"},
		{"url without scheme", "{url: '" + secret + ":2379'}", "etcd3.url: is not a URL of etcd"},
		{"url with another scheme", "{url: 'ftp://" + secret + "'}", "etcd3.url: is not a URL of etcd"},
		{"url without host", "{url: 'http://:2379'}", "neither an IP address nor a host name"},
		{"url with two hosts", "{url: 'http://a:1,b:2'}", "etcd3.url: names more than one host"},
		{"url with a bad port", "{url: 'http://a:99999'}", "has an invalid port"},
		{"empty url", "{url: ''}", "is not a URL of etcd"},
		{"list for a url", "{url: ['http://a']}", "etcd3.url: expected text, found a list"},
		{"unknown protocol", "{host: a, protocol: " + secret + "}", "etcd3.protocol"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, "scope: demo\netcd3: "+tc.etcd3+"\n")
			w.mustFail(flags, flags.File+", line 2: ", tc.want)
		})
	}
}

func TestNoStore(t *testing.T) {
	w, flags := file(t, "scope: demo\n")
	w.mustFail(flags, "etcd3: no store is configured", "-d etcd3://")
	newWorld(t).mustFail(Flags{Scope: "demo"}, "etcd3: no store is configured")
}

func TestEtcd3FromEnvironment(t *testing.T) {
	for _, tc := range []struct {
		name string
		vars map[string]string
		want []string
		err  string
	}{
		{"hosts", map[string]string{"HOSTS": "a:1,b:2"}, []string{"http://a:1", "http://b:2"}, ""},
		{"quoted hosts", map[string]string{"HOSTS": "'a:1','b:2'"}, []string{"http://a:1", "http://b:2"}, ""},
		{"hosts in brackets", map[string]string{"HOSTS": "[a:1, b:2]"}, []string{"http://a:1", "http://b:2"}, ""},
		{"hosts in lines", map[string]string{"HOSTS": "- a:1\n- b:2\n"}, []string{"http://a:1", "http://b:2"}, ""},
		{"one host", map[string]string{"HOSTS": "a"}, []string{"http://a:2379"}, ""},
		{"one IPv6 address", map[string]string{"HOSTS": "'[::1]:1'"}, []string{"http://[::1]:1"}, ""},
		{"IPv6 addresses", map[string]string{"HOSTS": "['[::1]:1','[::2]']"}, []string{"http://[::1]:1", "http://[::2]:2379"}, ""},
		{"default port for hosts", map[string]string{"HOSTS": "a,b:2", "PORT": "1"}, []string{"http://a:1", "http://b:2"}, ""},
		{"host and port", map[string]string{"HOST": "a", "PORT": "1"}, []string{"http://a:1"}, ""},
		{"url", map[string]string{"URL": "http://a:1"}, []string{"http://a:1"}, ""},
		{"the port that Kubernetes sets", map[string]string{"HOST": "a", "PORT": "tcp://10.0.0.1:5"}, []string{"http://a:2379"}, ""},
		{"empty values that change nothing", map[string]string{"HOST": "a", "PORT": "", "CACERT": "", "USE_PROXIES": "", "USERNAME": "", "PASSWORD": ""}, []string{"http://a:2379"}, ""},
		{
			"an empty list",
			map[string]string{"HOST": "a", "HOSTS": ""},
			nil,
			"variable PATRONI_ETCD3_HOSTS: etcd3.hosts[0]: is empty",
		},
		{
			"an empty url",
			map[string]string{"HOST": "a", "URL": ""},
			nil,
			"variable PATRONI_ETCD3_URL: etcd3.url: is not a URL of etcd",
		},
		{"proxies are off", map[string]string{"HOST": "a", "USE_PROXIES": "off"}, []string{"http://a:2379"}, ""},
		{
			"not a list",
			map[string]string{"HOSTS": "[" + secret},
			nil,
			"variable PATRONI_ETCD3_HOSTS: etcd3.hosts: is not a YAML list",
		},
		{"unquoted IPv6", map[string]string{"HOSTS": "[::1]:1,[::2]:1"}, nil, "put IPv6 addresses in quotes"},
		{"lists in a list", map[string]string{"HOSTS": "[[a], {b: c}]"}, nil, "is not a YAML list"},
		{"empty list", map[string]string{"HOSTS": "[]"}, nil, "etcd3.hosts: is empty"},
		{
			"bad port",
			map[string]string{"HOST": "a", "PORT": "70000"},
			nil,
			"variable PATRONI_ETCD3_PORT: etcd3.port: is not a port",
		},
		{"bad host", map[string]string{"HOST": "a/" + secret}, nil, "variable PATRONI_ETCD3_HOST: etcd3.host"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			for k, v := range tc.vars {
				w.vars["PATRONI_ETCD3_"+k] = v
			}
			if tc.err != "" {
				w.mustFail(Flags{Scope: "demo"}, tc.err)
				return
			}
			if c := w.must(Flags{Scope: "demo"}); !slices.Equal(c.Etcd3.Endpoints, tc.want) {
				t.Errorf("%q, want %q", c.Etcd3.Endpoints, tc.want)
			}
		})
	}
}

func TestDCSURL(t *testing.T) {
	for _, tc := range []struct{ url, endpoint, namespace string }{
		{"etcd3://e", "http://e:2379", "/service"},
		{"etcd3://e:1234", "http://e:1234", "/service"},
		{"etcd3://e:1234/", "http://e:1234", "/service"},
		{"etcd3://e:1234/custom", "http://e:1234", "/custom"},
		{"etcd3://e/a/b/", "http://e:2379", "/a/b"},
		{"ETCD3://e", "http://e:2379", "/service"},
		{"etcd3://", "http://localhost:2379", "/service"},
		{"etcd3://:2399", "http://localhost:2399", "/service"},
		{"etcd3:///custom", "http://localhost:2379", "/custom"},
		{"etcd3://[::1]:1234", "http://[::1]:1234", "/service"},
		{"etcd3://[::1]", "http://[::1]:2379", "/service"},
		{"etcd3://Etcd.Example", "http://etcd.example:2379", "/service"},
		{"etcd3://e:0", "http://e:2379", "/service"},
	} {
		// The URL replaces the store of the file, TLS settings and all.
		w, flags := file(t, "scope: demo\nzookeeper: {hosts: [z]}\netcd3: {hosts: [x, y], cacert: /ca.pem, username: root}\n")
		flags.DCSURL = tc.url
		c := w.must(flags)
		if !slices.Equal(c.Etcd3.Endpoints, []string{tc.endpoint}) || c.Namespace != tc.namespace || len(c.Warnings) > 0 {
			t.Errorf("%s: %q %q %q, want %q %q", tc.url, c.Etcd3.Endpoints, c.Namespace, c.Warnings, tc.endpoint, tc.namespace)
		}
	}
}

func TestBadDCSURL(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"e:2379", "would read it as etcd v2; write etcd3://host:port"},
		{"e", "would read it as etcd v2"},
		{"//e:1234", "would read it as etcd v2"},
		{"e:2181", "would read it as zookeeper"},
		{"e:8500", "would read it as consul"},
		{"e:8181", "would read it as exhibitor"},
		{"u:" + secret + "@e:2379", "has no scheme"},
		{"etcd://e", "etcd: etcd's v2 API is not read, and no REST API is named"},
		{"consul://e", "consul: Consul is not read, and no REST API is named that could describe the cluster; give --api-url http://host:8008"},
		{"http://e:2379", "names no store"},
		{"https://" + secret, "names no store"},
		{secret + "://e", "names no store"},
		{"etcd3://a:1,b:2", "more than one host"},
		{"etcd3://a,b", "more than one host"},
		{"etcd3://e:" + secret, "is not the URL of a store"},
		{"etcd3://u:" + secret + "/x@e", "is not the URL of a store"},
		{"etcd3://e:70000", "invalid port"},
		{"etcd3://e?password=" + secret, "is not the URL of a store"},
		{"etcd3://e#" + secret, "is not the URL of a store"},
		{"etcd3://e\n", "is not the URL of a store"},
		{"etcd3://u:" + secret + "@e", "contains a user or a password, which patronictl drops; set them in etcd3.username"},
		{"etcd3://:" + secret + "@e", "contains a user or a password"},
		{"etcd3://10.0.0.300", "neither an IP address nor a host name"},
	} {
		w := newWorld(t)
		w.mustFail(Flags{Scope: "demo", DCSURL: tc.url}, "flag --dcs-url: ", tc.want)
		w.vars["DCS_URL"] = tc.url
		w.mustFail(Flags{Scope: "demo"}, "environment variable DCS_URL: ", tc.want)
	}
}
