package preflight

import (
	"fmt"
	"strings"
	"time"
)

// renewalDays is how long before its expiry a certificate is worth a warning.
const renewalDays = 14

var tlsChecks = []Check{
	{
		ID: "tls.etcd_certificate", Title: "etcd's certificates are valid, and stay so", Since: "0.1.0",
		Why:    "When they expire, every Patroni that verifies them loses its DCS at once, and the leader is demoted.",
		Source: "patroni/dcs/etcd.py (cert_reqs by cacert); the certificates in the handshakes",
		Fix:    "Renew the certificate and let etcd read it: etcd loads it anew for each connection.",
		Proof:  "TestTLS in dcs/ and TestBreakages.",
		Kind:   Policy, Severity: Warning, Of: OfCluster,
		After: []string{"dcs.reachable"}, Needs: []Need{etcdCertificates},
		Run: func(s *Snapshot, _ Policies, _ string) []Finding {
			var out []Finding
			shown := etcdCertificates.get(s, "")
			for _, e := range shown {
				c := e.Certificate.Must()
				const effect = "A Patroni that verifies it loses its DCS then, and a leader that has lost its DCS is demoted."
				if f := expiring(c, s.TakenAt); f != nil {
					f.Asked, f.Effect, f.Remedy = "TLS handshake with "+e.URL, effect, "Renew the certificate of "+e.URL+"; etcd reads it anew by itself."
					out = append(out, *f)
				}
			}
			if out == nil {
				return evidence("TLS handshakes with "+s.DCS.Kind, "%d certificates, valid for more than %d days", len(shown), renewalDays)
			}
			return out
		},
	},
	{
		ID: "tls.rest_certificate", Title: "the REST API's certificate is valid and has the right name", Since: "0.1.0",
		Why:    "The leader asks the candidate over TLS with ctl.cacert of its own file. A certificate that does not verify there makes the candidate \"not reachable\", unless ctl.insecure is set there; patronictl that cannot verify the leader's writes the request into the DCS itself, past every check.",
		Source: "patroni/request.py PatroniRequest.reload_config (CERT_REQUIRED); patroni/ha.py fetch_node_status; the certificate in the handshake",
		Fix:    "Issue a certificate for the host in restapi.connect_address, and patronictl reload: Patroni loads it then.",
		Proof:  "TestTLS in patroniapi/ and TestBreakages. What does not verify here is unknown, and never GO.",
		Kind:   Policy, Severity: Warning, Of: OfMembers,
		After: []string{"leader.rest", "candidate.rest"}, Needs: []Need{restCertificate}, Run: runRESTCertificate,
	},
}

// etcdCertificates are the servers of etcd that showed a certificate; unknown
// where TLS is spoken and none did.
var etcdCertificates = fact[[]Endpoint]{"the certificates of the DCS", func(s *Snapshot, _ string) Observed[[]Endpoint] {
	shown := []Endpoint{}
	missing := Observed[Certificate]{}
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
		return Because[[]Endpoint](missing)
	}
	return Known(shown)
}}

// restCertificate is what the REST API showed; the zero value where it is http.
var restCertificate = ofMember("the certificate of the REST API", func(m Member) Observed[Certificate] {
	url := within(m.Key, func(k MemberKey) Observed[string] { return k.APIURL })
	if url.Is(func(u string) bool { return strings.HasPrefix(u, "http://") }) {
		return Known(Certificate{})
	}
	return within(m.REST, func(r REST) Observed[Certificate] { return r.Certificate })
})

func runRESTCertificate(s *Snapshot, _ Policies, m string) []Finding {
	c := restCertificate.get(s, m)
	if c.Host == "" {
		return evidence(s.askedREST(m), "no TLS")
	}
	effect := "A leader whose ctl.insecure is not set counts the member as not reachable then: 412 \"no good candidates have been found\"."
	if m == s.Leader() {
		effect = "A patronictl without --insecure cannot ask it then, and writes the request into the DCS itself, past every check of the REST API."
	}
	var out []Finding
	if !c.Matches {
		names := strings.Join(c.Names, ", ")
		if names == "" {
			names = "no host at all"
		}
		out = append(out, Finding{
			Asked: s.askedREST(m), Observed: "a certificate for " + names, Expected: "one for " + c.Host, Effect: effect,
			Remedy: fmt.Sprintf("Issue a certificate for %s on %s (restapi.certfile), then: patronictl reload %s %s", c.Host, m, s.Request.Scope, m),
		})
	}
	if f := expiring(c, s.TakenAt); f != nil {
		f.Asked, f.Effect = s.askedREST(m), effect
		f.Remedy = fmt.Sprintf("Renew the certificate on %s (restapi.certfile), then: patronictl reload %s %s", m, s.Request.Scope, m)
		out = append(out, *f)
	}
	if out == nil {
		return evidence(s.askedREST(m), "a certificate for %s, valid until %s", c.Host, day(c.NotAfter))
	}
	return out
}

// expiring is the finding about a certificate that is out of its time or soon
// will be; nil where it is not.
func expiring(c Certificate, now time.Time) *Finding {
	f := &Finding{Expected: fmt.Sprintf("one that is valid for more than %d days", renewalDays)}
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
