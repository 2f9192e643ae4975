package config

import (
	"bytes"
	"crypto/tls"
	"errors"
	"path/filepath"
	"strings"

	"github.com/jackc/pgservicefile"
)

// libpqVariables are the settings of libpq that pgx does not know or reads less of
// than libpq, and their variables (PostgreSQL documentation, "Environment
// Variables"). In a service they have the name of the setting.
var libpqVariables = map[string]string{
	"sslmode":                  "PGSSLMODE",
	"requiressl":               "PGREQUIRESSL",
	"sslrootcert":              "PGSSLROOTCERT",
	"sslcrl":                   "PGSSLCRL",
	"sslcrldir":                "PGSSLCRLDIR",
	"sslcert":                  "PGSSLCERT",
	"sslkey":                   "PGSSLKEY",
	"sslpassword":              "PGSSLPASSWORD",
	"sslcertmode":              "PGSSLCERTMODE",
	"ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
	"ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
	"gssencmode":               "PGGSSENCMODE",
}

// libpqFiles are libpq's defaults below ~/.postgresql.
var libpqFiles = map[string]string{
	"sslrootcert": "root.crt",
	"sslcrl":      "root.crl",
	"sslcert":     "postgresql.crt",
	"sslkey":      "postgresql.key",
}

// tlsVersions are libpq's names. What is below TLS 1.2 is raised to it.
var tlsVersions = map[string]uint16{
	"":        0,
	"tlsv1":   0,
	"tlsv1.1": 0,
	"tlsv1.2": tls.VersionTLS12,
	"tlsv1.3": tls.VersionTLS13,
}

// elsewhere reads what libpq would find in the environment, in a service and in
// ~/.postgresql, as far as pgx would pass over it: what can be honoured is put
// into p, what cannot is refused.
func (r *reader) elsewhere(h host, p *Postgres, warnings *[]string) {
	if r.err != nil {
		return
	}
	l := libpqSettings(h)
	for key, text := range map[string]string{"sslmode": p.SSLMode, "sslrootcert": p.SSLRootCert} {
		if text != "" {
			l.root.set(key, str(text, place{}))
		}
	}
	// libpq looks at requiressl only where no mode is given.
	if l.text("sslmode") == "" && strings.HasPrefix(l.text("requiressl"), "1") {
		p.SSLMode = "require"
		l.root.set("sslmode", str(p.SSLMode, place{}))
	}
	mode := strings.ToLower(l.text("sslmode"))
	if v := l.value("gssencmode"); v != nil && v.text != "disable" && v.text != "prefer" {
		l.fail(v, "gssencmode", noGSSAPI, "remove it, and use TLS (sslmode)")
	}
	verified := l.text("sslrootcert") != "" && mode != "disable" && mode != "allow" && mode != "prefer" && mode != "" ||
		strings.HasPrefix(mode, "verify")
	for _, key := range []string{"sslcrl", "sslcrldir"} {
		if v := l.value(key); v != nil && verified {
			l.fail(v, key, sqlRevoked, "remove it, if the certificate need not be checked against it")
		}
	}
	p.MinTLS = l.tlsVersion("ssl_min_protocol_version")
	p.MaxTLS = l.tlsVersion("ssl_max_protocol_version")
	if v := l.value("ssl_max_protocol_version"); v != nil && p.MaxTLS == 0 {
		l.fail(v, "ssl_max_protocol_version", "is below TLS 1.2, the minimum", "raise it, or remove it")
	}
	if p.Certificate == nil && l.text("sslcertmode") != "disable" && mode != "disable" {
		cert, key := l.value("sslcert"), l.value("sslkey")
		switch {
		case cert != nil && key != nil:
			p.Certificate = l.pair(h, "sslcert", "sslkey", "sslpassword", warnings)
		case cert != nil:
			l.fail(cert, "sslcert", "is set without sslkey", "add PGSSLKEY")
		case key != nil:
			l.fail(key, "sslkey", "is set without sslcert", "add PGSSLCERT")
		}
	}
	r.err = l.err
}

func (r *reader) tlsVersion(key string) uint16 {
	version, known := tlsVersions[strings.ToLower(r.text(key))]
	if !known {
		r.fail(r.value(key), key, "is not a value that libpq knows", "write one of TLSv1.2, TLSv1.3")
	}
	return version
}

// libpqSettings reads them, a service before the environment, as libpq does.
func libpqSettings(h host) *reader {
	l := &reader{root: dict(place{})}
	service := l.service(h)
	home := h.get("HOME")
	for key, name := range libpqVariables {
		if text := service[key]; text != "" {
			l.root.set(key, str(text, place{source: "the service of " + variable("PGSERVICE")}))
		} else if text := h.get(name); text != "" {
			l.root.set(key, str(text, place{source: variable(name)}))
		}
	}
	// Where neither of the pair is named, pgx wants both files to be there, and libpq
	// would fail without the key.
	own := l.value("sslcert") != nil || l.value("sslkey") != nil
	for key, name := range libpqFiles {
		path := filepath.Join(home, ".postgresql", name)
		other := libpqFiles[map[string]string{"sslcert": "sslkey", "sslkey": "sslcert"}[key]]
		if home == "" || l.value(key) != nil || !h.isThere(path) ||
			!own && !h.isThere(filepath.Join(home, ".postgresql", other)) {
			continue
		}
		l.root.set(key, str(path, place{source: "~/.postgresql/" + name}))
	}
	return l
}

func (h host) isThere(path string) bool {
	_, err := h.files.Stat(path)
	return err == nil
}

// service returns the settings of the service that PGSERVICE names, nil where it
// names none.
func (r *reader) service(h host) map[string]string {
	name := h.get("PGSERVICE")
	if name == "" {
		return nil
	}
	file, from := h.get("PGSERVICEFILE"), variable("PGSERVICEFILE")
	if file == "" {
		file, from = filepath.Join(h.get("HOME"), ".pg_service.conf"), "~/.pg_service.conf"
	}
	const remedy = "name the file in PGSERVICEFILE; the system-wide file is not read"
	text, err := h.whole(file)
	if err != nil {
		var e *Error
		errors.As(unreadable("", err, ""), &e)
		r.fail(str("", place{source: variable("PGSERVICE")}), "", "the service file ("+from+") "+e.Problem, remedy)
		return nil
	}
	services, err := pgservicefile.ParseServicefile(bytes.NewReader(text))
	if err != nil {
		r.fail(
			str("", place{source: from}),
			"",
			"is not a valid service file",
			"write [service], and key=value lines below it",
		)
		return nil
	}
	service, err := services.GetService(name)
	if err != nil {
		r.fail(str("", place{source: variable("PGSERVICE")}), "", "names a service that is not in "+from, remedy)
		return nil
	}
	return service.Settings
}
