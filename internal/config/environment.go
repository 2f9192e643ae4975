package config

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"patroni-preflight/preflight/fact"
)

// environment is what the PATRONI_* variables say (patroni/config.py,
// _build_environment_configuration). Where Patroni cannot make a number or a
// boolean of one, it passes over it.
func environment(h host) (*value, error) {
	tree := dict(place{})
	for _, k := range readable() {
		text, set := h.env(k.Variable)
		if !set || text == "" && !k.whenEmpty() {
			continue
		}
		at := place{source: variable(k.Variable)}
		v := str(text, at)
		_, notANumber := strconv.Atoi(text)
		switch {
		case k.Name == "etcd3.port" && notANumber != nil:
			// Kubernetes sets PATRONI_ETCD3_PORT to a URL for a service of that name.
			continue
		case k.Name == "citus.group" && notANumber != nil:
			continue
		case k.Name == "citus.group":
			v.tag = "!!int"
		case k.Name == "etcd3.use_proxies" || k.Name == "ctl.insecure":
			if _, ok := fact.PatroniBool(text); !ok {
				continue
			}
		case k.Name == "etcd3.hosts" && text != "":
			var ok bool
			if v, ok = hostList(text, at); !ok {
				return nil, &Error{
					Where: at.source, Key: "etcd3.hosts", Problem: "is not a YAML list",
					Remedy: "write host:port,host:port; put IPv6 addresses in quotes, for example ['[::1]:2379']",
				}
			}
		}
		tree.set(k.Name, v)
	}
	return tree, nil
}

// hostList reads a list in an environment variable (patroni/config.py,
// _parse_list): YAML, with or without its brackets.
func hostList(text string, at place) (*value, bool) {
	if !strings.HasPrefix(strings.TrimSpace(text), "-") && !strings.Contains(text, "[") {
		text = "[" + text + "]"
	}
	var hosts []string
	if err := yaml.Unmarshal([]byte(text), &hosts); err != nil {
		// One quoted text, as in '[::1]:2379', is none the worse for not being a list.
		var host string
		if err := yaml.Unmarshal([]byte(text), &host); err != nil {
			return nil, false
		}
		hosts = strings.Split(host, ",")
	}
	v := &value{kind: list, at: at}
	for _, host := range hosts {
		v.items = append(v.items, str(strings.TrimSpace(host), at))
	}
	return v, true
}

// commandLine is what the flags say, and DCS_URL. replaced is whether they name
// a store, which then replaces those of the file.
func commandLine(flags Flags, h host) (tree *value, replaced bool, err error) {
	tree = dict(place{})
	raw, at := flags.DCSURL, place{source: "flag --dcs-url"}
	if raw == "" {
		raw, at.source = h.get("DCS_URL"), variable("DCS_URL")
	}
	if raw != "" {
		if err := dcsURL(tree, raw, at); err != nil {
			return nil, false, err
		}
		replaced = true
	}
	for _, f := range []struct{ flag, key, text string }{
		{"--scope", "scope", flags.Scope},
		{"--namespace", "namespace", flags.Namespace},
	} {
		if f.text != "" {
			tree.set(f.key, str(f.text, place{source: "flag " + f.flag}))
		}
	}
	if flags.Insecure {
		tree.set("ctl.insecure", str("true", place{source: "flag --insecure"}))
	}
	return tree, replaced, nil
}

// dcsURL reads -d (patroni/ctl.py, parse_dcs). Patroni guesses the store where
// there is no scheme; the guess is etcd v2, so we ask instead.
func dcsURL(tree *value, raw string, at place) error {
	fail := func(problem, remedy string) error {
		return &Error{Where: at.source, Problem: problem, Remedy: remedy}
	}
	const form = "write etcd3://host:port, or etcd3://host:port/namespace"
	if !strings.Contains(raw, "//") {
		raw = "//" + raw
	}
	u, err := url.Parse(raw) // its error quotes the URL, password and all
	switch {
	case err == nil && u.Scheme == "":
		guess := map[string]string{"2181": "zookeeper", "8181": "exhibitor", "8500": "consul"}[u.Port()]
		if guess == "" {
			guess = "etcd v2"
		}
		return fail("has no scheme, and patronictl would read it as "+guess, form)
	case err == nil && !slices.Contains(stores, u.Scheme):
		return fail("has a scheme that names no store", form)
	case err == nil && strings.Contains(u.Host, ","):
		return fail("names more than one host", "give one of them; several belong in etcd3.hosts of the file (-c)")
	case err == nil && u.User != nil:
		return fail(
			"contains a user or a password, which patronictl drops",
			"set them in etcd3.username and etcd3.password of the file (-c), with the server in etcd3.hosts",
		)
	case err != nil || u.RawQuery != "" || u.Fragment != "":
		return fail("is not the URL of a store", form)
	}
	name, port := strings.ToLower(u.Hostname()), u.Port() // as Python does
	if name == "" {
		name = "localhost"
	}
	if port == "" || port == "0" {
		port = "2379"
	}
	tree.set(u.Scheme+".host", str(net.JoinHostPort(name, port), at))
	if ns := strings.TrimSpace(u.Path); ns != "" && ns != "/" {
		tree.set("namespace", str(ns, at))
	}
	return nil
}
