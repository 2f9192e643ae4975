package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// store is the section that Patroni uses: the first in the order of their names.
func (r *reader) store() string {
	for _, s := range stores {
		if r.value(s) != nil {
			return s
		}
	}
	problem, remedy := "no store is configured", "give -d etcd3://host:port, PATRONI_ETCD3_HOSTS, or etcd3: in the file (-c)"
	for _, key := range sortedKeys(r.root) {
		if meant := nearest(key, stores); meant != "" && r.root.keys[key].kind != null {
			r.fail(
				r.root.keys[key],
				plain(key),
				"is not a store that Patroni knows, and no other is configured",
				"did you mean "+meant+"? "+remedy,
			)
		}
	}
	r.fail(nil, "etcd3", problem, remedy)
	return ""
}

// unread says what it means that the store is not read, and finds the REST APIs
// that are asked instead: those that are named, else the node's own.
func (r *reader) unread(store string, flags []string, warnings *[]string) []string {
	at := r.value(store).at
	if r.citus() {
		r.fail(
			r.value("citus"),
			"citus",
			"a Citus cluster in a store other than etcd v3 is not supported, since a REST API does not tell its group",
			"check each group as a cluster of its own, with a file (-c) without a citus section",
		)
	}
	var urls []string
	from := "--api-url and preflight.api_urls"
	for i, v := range r.texts("preflight.api_urls", true) {
		urls = append(urls, r.apiURL(v, fmt.Sprintf("preflight.api_urls[%d]", i)))
	}
	for _, f := range flags {
		urls = append(urls, r.apiURL(str(f, place{source: "flag --api-url"}), "preflight.api_urls"))
	}
	if own := r.value("restapi.connect_address"); own != nil && len(urls) == 0 {
		scheme := "http" // patroni/api.py, RestApiServer.__initialize
		if r.text("restapi.certfile") != "" {
			scheme = "https"
		}
		host, port := r.hostPort(str(r.scalar(own, "restapi.connect_address"), own.at), "restapi.connect_address")
		urls, from = append(urls, baseURL(scheme, host, port)), "restapi.connect_address"
	}
	if len(urls) == 0 {
		r.fail(
			r.value(store),
			store,
			storeNames[store]+" is not read, and no REST API is named that could describe the cluster",
			"give --api-url http://host:8008 of a member, preflight.api_urls, or restapi.connect_address in the file (-c)",
		)
	}
	slices.Sort(urls)
	urls = slices.Compact(urls)
	hint := ""
	if store == "etcd" {
		hint = " (if Patroni uses the v3 API, write etcd3:)"
	}
	*warnings = append(
		*warnings,
		fmt.Sprintf(
			"%s: %s: %s is not read%s; the tool relies on REST and SQL alone, starting from the REST API of %s. Facts that "+
				"only the store has stay unknown: the verdict is NO-GO or UNKNOWN, never GO",
			at,
			store,
			storeNames[store],
			hint,
			from,
		),
	)
	return urls
}

// apiURL reads the URL of a REST API and returns its scheme, host and port.
func (r *reader) apiURL(v *value, key string) string {
	const remedy = "write http://host:8008 or https://host:8008"
	u, err := url.Parse(strings.TrimSpace(v.text)) // its error quotes the URL, password and all
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		r.fail(v, key, "is not the URL of a REST API", remedy)
		return ""
	case u.User != nil:
		r.fail(v, key, "contains a user or a password; reading needs no login", remedy)
		return ""
	}
	host, port := r.hostPort(str(u.Host, v.at), key)
	return baseURL(u.Scheme, host, port)
}
