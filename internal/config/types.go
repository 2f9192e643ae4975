package config

import (
	"strings"

	"patroni-preflight/dcs"
	"patroni-preflight/internal/secure"
	"patroni-preflight/pg"
)

// Flags are the values given on the command line. Empty means not given.
type Flags struct {
	// File is -c: a file, or a directory of *.yml and *.yaml.
	File string
	// DCSURL is -d: [scheme://][host][:port][/namespace].
	DCSURL string
	Scope  string
	// Namespace wins over the one in DCSURL.
	Namespace string
	// Group is the Citus group; EveryGroup: none need be named where there are several.
	Group      string
	EveryGroup bool
	// VIPs are added to those in the file.
	VIPs []string
	// APIURLs are REST APIs to ask where the store is not read.
	APIURLs []string
	// Insecure is -k, ctl.insecure of the file.
	Insecure bool
}

// Config is what the tool runs with.
type Config struct {
	Scope string
	// Namespace begins with a slash and does not end with one, except "/" itself.
	Namespace string
	// Group is the Citus group, "" where there is none. Citus is whether the
	// configuration says that there are several, and none is named.
	Group string
	Citus bool
	// File is where the configuration came from: the path of a file or a
	// directory, "PATRONI_CONFIGURATION", or "environment".
	File string
	// Store is the section of the store, "etcd3" if it can be read. Else APIURLs
	// are the REST APIs that tell of the cluster instead, as http://host:port.
	Store   string
	APIURLs []string
	Etcd3   Etcd3
	// REST is how the members' REST API is spoken to where it is https.
	REST secure.Client
	// RESTOverTLS is whether there is a CA or a certificate for the REST API, so that
	// http is not what was meant.
	RESTOverTLS bool
	// RESTAPI is who asks Patroni for a switchover.
	RESTAPI RESTAPI
	// Postgres is who connects.
	Postgres Postgres
	// VIPs are IP addresses and host names that move with the leader.
	VIPs []string
	// Warnings are one line each, for stderr.
	Warnings []string
}

// Etcd3 says how etcd is asked. Without a CA, a certificate or an https URL its TLS
// is nil; with SRV its Endpoints apply if no record exists.
type Etcd3 = dcs.Config

// Postgres are the credentials of the SQL sessions. Empty values leave the
// choice to libpq's environment (PG*) and password file.
type Postgres = pg.Config

// Error is why there is no usable configuration. Every error of Load is one.
type Error struct {
	// Where is the file and line, the environment variable or the flag; empty
	// where nothing was given at all.
	Where string
	// Key is the key as written in patroni.yml ("etcd3.hosts"), empty for a file
	// that cannot be read.
	Key string
	// Problem and Remedy are what is wrong and what to do.
	Problem, Remedy string
}

// Error returns one line, without any value from the configuration.
func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Where, e.Key} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(e.Problem)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// host is the machine as Load sees it, so that tests bring their own.
type host struct {
	env   func(string) (string, bool)
	files files
	goos  string
	// sections are the keys of the files that are read.
	sections sections
	// asked is told each key that is looked at; nil but in tests.
	asked func(path string)
}

// get returns a variable. Patroni does not look at empty ones.
func (h host) get(name string) string {
	v, _ := h.env(name)
	return v
}
