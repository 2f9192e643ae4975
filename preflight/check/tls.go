package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

// renewalDays is how long before its expiry a certificate is worth a warning.
const renewalDays = 14

var tlsEtcdCertificate = Check{
	ID:       "tls.etcd_certificate",
	Title:    "etcd's certificates are valid, and stay valid for weeks",
	Since:    "0.1.0",
	Why:      "When they expire, every Patroni that verifies them loses its DCS at once, and the leader is demoted.",
	Source:   "patroni/dcs/etcd.py (cert_reqs by cacert); the certificates in the handshakes",
	Fix:      "Renew the certificate and let etcd read it: etcd loads it for each new connection.",
	Proof:    "TestTLS in dcs/ and TestBreakages.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.reachable"},
	Needs:    []fact.Need{etcdCertificates},
	Run: func(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
		var out []Finding
		shown := etcdCertificates.Get(s, "")
		for _, e := range shown {
			c := e.Certificate.Must()
			const effect = "A Patroni that verifies it loses its DCS then, and a leader without its DCS is demoted."
			if f := expiring(c, s.TakenAt); f != nil {
				f.Asked, f.Effect, f.Remedy = "TLS handshake with "+e.URL, effect, "Renew the certificate of "+e.URL+"; etcd "+
					"reads the new one by itself."
				out = append(out, *f)
			}
		}
		if out == nil {
			return Witnessed(
				"TLS handshakes with "+s.DCS.Kind,
				"%d certificates, valid for more than %d days",
				len(shown),
				renewalDays,
			)
		}
		return out
	},
}

var tlsRESTCertificate = Check{
	ID:    "tls.rest_certificate",
	Title: "the REST API's certificate is valid and has the right name",
	Since: "0.1.0",
	Why: "If patronictl cannot verify the leader's certificate, including its name, it writes the request into the " +
		"DCS itself and skips every check of the REST API. The leader asks the candidate over TLS too: with ctl.certfile " +
		"in its file it verifies the CA and the dates, and an expired certificate makes the candidate \"not reachable\"; " +
		"without ctl.certfile it verifies nothing. It never verifies the name.",
	Source: "patroni/__main__.py (PatroniRequest with insecure), patroni/request.py reload_config; patroni/ctl.py " +
		"_do_failover_or_switchover; the certificate in the handshake",
	Fix: "Issue a certificate for the host in restapi.connect_address, then run patronictl reload: Patroni loads it.",
	Proof: "TestSecure in e2e/: with the wrong name on the candidate Patroni switched over, and from then on " +
		"patronictl bypassed the new leader's REST API. A certificate that this machine cannot verify for another reason " +
		"is unknown, and never GO.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfMembers,
	After:    []string{"leader.rest", "candidate.rest"},
	Needs:    []fact.Need{restCertificate},
	Run:      runRESTCertificate,
}

// etcdCertificates are the servers of etcd that showed a certificate; unknown
// where TLS is spoken and none did.
var etcdCertificates = fact.Fact[[]fact.Endpoint]{
	Label: "the certificates of the DCS",
	Of: func(s *fact.Snapshot, _ string) fact.Observed[[]fact.Endpoint] {
		shown := []fact.Endpoint{}
		missing := fact.Observed[fact.Certificate]{}
		secure := false
		for _, e := range s.DCS.Endpoints {
			switch {
			case !strings.HasPrefix(e.URL, "https://"):
			case e.Certificate.Known():
				shown = append(shown, e)
				secure = true
			default:
				missing, secure = e.Certificate, true
			}
		}
		if secure && len(shown) == 0 {
			return fact.Because[[]fact.Endpoint](missing)
		}
		return fact.Known(shown)
	},
}

// restCertificate is what the REST API showed; the zero value where it is http.
var restCertificate = fact.OfMember(
	"the certificate of the REST API",
	func(m fact.Member) fact.Observed[fact.Certificate] {
		url := fact.Field(m.Key, func(k fact.MemberKey) fact.Observed[string] { return k.APIURL })
		if url.Is(func(u string) bool { return strings.HasPrefix(u, "http://") }) {
			return fact.Known(fact.Certificate{})
		}
		return fact.Field(m.REST, func(r fact.REST) fact.Observed[fact.Certificate] { return r.Certificate })
	},
)

const pastREST = "A patronictl without --insecure cannot ask it %s, and writes its requests into the DCS itself, " +
	"bypassing every check of the REST API."

func runRESTCertificate(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	c := restCertificate.Get(s, m)
	switch {
	case c.Host == "" && s.Target.RESTOverTLS:
		return []Finding{
			{
				Asked: s.RESTCall(
					m,
				),
				Observed: "http, without encryption",
				Expected: "https, since the configuration has certificates for the REST API (ctl, restapi)",
				Effect: "patronictl uses the unencrypted connection and sends its password over it; an attacker on the network " +
					"path can read it and forge the answer.",
				Remedy: fmt.Sprintf(
					"Set restapi.certfile and restapi.keyfile in patroni.yml of %s, then run: patronictl reload %s %s",
					m,
					s.Target.Scope,
					m,
				),
			},
		}
	case c.Host == "":
		return Witnessed(s.RESTCall(m), "no TLS")
	}
	effect := "A leader with ctl.certfile in its file verifies that and then counts the member as not reachable: 412 " +
		"\"no good candidates have been found\"."
	named := fmt.Sprintf(pastREST, "when it leads")
	if m == s.Leader() {
		named = fmt.Sprintf(pastREST, "then")
		effect = named
	}
	var out []Finding
	if !c.Matches {
		severity := Warning
		if c.NameRequired {
			severity = Blocker
		}
		out = append(out, Finding{
			Severity: severity,
			Asked: s.RESTCall(
				m,
			),
			Observed: "a certificate for " + certificateNames(c),
			Expected: "a certificate for " + c.Host,
			Effect:   named,
			Remedy: fmt.Sprintf(
				"Issue a certificate for %s on %s (restapi.certfile), then run: patronictl reload %s %s",
				c.Host,
				m,
				s.Target.Scope,
				m,
			),
		})
	}
	if f := expiring(c, s.TakenAt); f != nil {
		f.Asked, f.Effect = s.RESTCall(m), effect
		// Whether the leader verifies it cannot be seen from here.
		if m != s.Leader() && !currentCertificate(c, s.TakenAt) {
			f.Severity = Blocker
		}
		f.Remedy = fmt.Sprintf(
			"Renew the certificate on %s (restapi.certfile), then run: patronictl reload %s %s",
			m,
			s.Target.Scope,
			m,
		)
		out = append(out, *f)
	}
	if out == nil {
		return Witnessed(s.RESTCall(m), "a certificate for %s, valid until %s", c.Host, day(c.NotAfter))
	}
	return out
}

var tlsPostgreSQLCertificate = Check{
	ID:    "tls.postgresql_certificate",
	Title: "PostgreSQL's certificate lets other members follow",
	Since: "0.2.0",
	Why: "No member connects to the candidate for replication before it leads. If replication verifies " +
		"certificates (postgresql.authentication.replication.sslmode verify-ca or verify-full), an expired certificate " +
		"there, or with verify-full a wrong name, keeps the old leader and the other members from following, and pg_rewind " +
		"from connecting.",
	Source: "the certificate in the handshake with conn_url; sslmode in primary_conninfo of the standbys " +
		"(patroni/postgresql/config.py, primary_conninfo_params); libpq's sslmode",
	Fix: "Issue a certificate for the host in postgresql.connect_address, then reload PostgreSQL, which reads it.",
	Proof: "TestSecure in e2e/: with an expired certificate on the candidate Patroni switched over, and no member " +
		"followed.",
	Kind:     Policy,
	Severity: Warning,
	Optional: true,
	Of:       OfMembers,
	After:    []string{"dcs.leader", "identity.sql_system_id"},
	Needs:    []fact.Need{sqlCertificate},
	Run:      runSQLCertificate,
}

// sqlCertificate is what PostgreSQL showed; the zero value for a session without TLS.
var sqlCertificate = fact.OfMember(
	"the certificate of PostgreSQL",
	func(m fact.Member) fact.Observed[fact.Certificate] {
		c := fact.Field(m.SQL, func(q fact.SQL) fact.Observed[fact.Certificate] { return q.Certificate })
		if m.SQL.Known() && c.Cause() == fact.NotAsked {
			return fact.NotKnown[fact.Certificate](fact.Absent, "not recorded")
		}
		return c
	},
)

func runSQLCertificate(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	c := sqlCertificate.Get(s, m)
	asked := s.SQLQuery(m, "TLS handshake")
	if c.Host == "" {
		return Witnessed(asked, "no TLS in this session")
	}
	var out []Finding
	f := expiring(c, s.TakenAt)
	if f != nil {
		f.Severity, f.Effect = unfollowed(s, m, "verify-ca", "verify-full")
		if currentCertificate(c, s.TakenAt) {
			f.Severity, f.Effect = Warning, "If replication verifies certificates, no member can follow it after that."
		}
		f.Remedy = fmt.Sprintf("Renew ssl_cert_file on %s, then run: patronictl reload %s %s", m, s.Target.Scope, m)
		out = append(out, *f)
	}
	// Unless somebody looks at it, the name is nobody's business: Debian's own
	// certificate has none.
	if severity, effect := unfollowed(s, m, "verify-full"); !c.Matches && effect != "" {
		out = append(out, Finding{
			Severity: severity,
			Observed: "a certificate for " + certificateNames(c),
			Expected: "a certificate for " + c.Host,
			Effect:   effect,
			Remedy: fmt.Sprintf(
				"Issue a certificate for %s on %s (ssl_cert_file), then run: patronictl reload %s %s",
				c.Host,
				m,
				s.Target.Scope,
				m,
			),
		})
	}
	for i := range out {
		out[i].Asked = asked
	}
	if out == nil {
		return Witnessed(asked, "a certificate valid until %s", day(c.NotAfter))
	}
	return out
}

// unfollowed says who verifies by one of these modes whom he streams from, and
// what it means that m cannot be verified; no effect where nobody does. The
// leader's own mode is not to be seen; all nodes have one as a rule, so a replica's
// is taken for it.
func unfollowed(s *fact.Snapshot, m string, modes ...string) (Severity, string) {
	var strict []string
	for _, o := range s.Members {
		if mode := fact.Field(
			o.SQL,
			func(q fact.SQL) fact.Observed[string] { return q.UpstreamSSLMode },
		); mode.Is(
			func(v string) bool { return slices.Contains(modes, v) },
		) {
			strict = append(strict, o.Name+" with "+*mode.Value)
		}
	}
	switch {
	case strict == nil:
		return Warning, ""
	case m == s.Leader():
		return Warning, fmt.Sprintf(
			"Replication verifies certificates (sslmode in primary_conninfo: %s): no member could open a new connection to it.",
			strings.Join(strict, ", "),
		)
	}
	return Blocker, fmt.Sprintf(
		"Replication verifies certificates (sslmode in primary_conninfo: %s): the old leader and the other members would "+
			"not follow it.",
		strings.Join(strict, ", "),
	)
}

// certificateNames are the names of a certificate, for people.
func certificateNames(c fact.Certificate) string {
	if len(c.Names) == 0 {
		return "no host"
	}
	return strings.Join(c.Names, ", ")
}

// currentCertificate reports whether a certificate is within its time.
func currentCertificate(c fact.Certificate, now time.Time) bool {
	return now.Before(c.NotAfter) && !now.Before(c.NotBefore)
}

// expiring is the finding about a certificate that is out of its time or soon
// will be; nil where it is not.
func expiring(c fact.Certificate, now time.Time) *Finding {
	f := &Finding{Expected: fmt.Sprintf("a certificate valid for more than %d days", renewalDays)}
	switch left := c.NotAfter.Sub(now); {
	case left <= 0:
		f.Observed = "a certificate that expired at " + day(c.NotAfter)
	case now.Before(c.NotBefore):
		f.Observed = "a certificate that is not valid before " + day(c.NotBefore)
	case left < renewalDays*24*time.Hour:
		f.Observed = fmt.Sprintf("a certificate that expires at %s, in %d days", day(c.NotAfter), int(left.Hours()/24))
	default:
		return nil
	}
	return f
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
