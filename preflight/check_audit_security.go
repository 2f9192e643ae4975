package preflight

import (
	"fmt"
)

// The audit's checks of TLS and of logins.

var auditRESTTLS = Check{
	ID:       "audit.rest_tls",
	Title:    "the nodes' REST APIs are all http, or all https",
	Since:    "0.2.0",
	Why:      "Patroni asks each member by its own api_url, so a mixture works for Patroni; health checks of a load balancer and scripts ask all nodes alike, and a node that was left out sends logins in plain text.",
	Source:   "patroni/api.py, reload_config: https where restapi.certfile is there",
	Fix:      "Give restapi.certfile and restapi.keyfile in every file, or in none.",
	Proof:    auditProof,
	Kind:     Policy,
	Severity: Warning,
	Of:       OfCluster,
	Needs:    []Need{inEach(fileHTTPS)},
	Run:      runAuditTLS,
}

var auditClientCert = Check{
	ID:        "audit.client_cert",
	Title:     "every node has the client certificate that others ask for",
	Since:     "0.2.0",
	Why:       "With restapi.verify_client: required a REST API refuses whoever shows no certificate, other members included. A leader without ctl.certfile cannot ask such a candidate: \"not reachable\", no good candidates.",
	Source:    "patroni/request.py, PatroniRequest.reload_config: ctl.certfile; patroni/api.py, verify_client",
	Fix:       "Give ctl.certfile and ctl.keyfile in every file.",
	Proof:     auditProof,
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfFiles,
	Needs:     []Need{fileClientCert, inEach(fileVerify), inEach(fileHTTPS)},
	Run:       runAuditClientCertificate,
}

var auditRESTLogin = Check{
	ID:        "audit.rest_login",
	Title:     "what the nodes show to a REST API is what it asks for",
	Since:     "0.2.0",
	Why:       "A request that changes something needs restapi.authentication of the node that gets it. patronictl and Patroni show ctl.authentication, or restapi's own: with another user or password the leader answers 401, and a switchover is not even begun.",
	Source:    "patroni/api.py, check_auth_header; patroni/request.py, PatroniRequest.reload_config",
	Fix:       "Write the same restapi.authentication into every file, and the same into ctl.authentication where that is there.",
	Proof:     auditProof,
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	Needs:     []Need{inEach(fileRESTLogin), inEach(fileRESTClient)},
	Run:       runAuditRESTLogin,
}

var auditLogins = Check{
	ID:        "audit.logins",
	Title:     "the nodes log in to PostgreSQL as one and the same",
	Since:     "0.2.0",
	Why:       "Roles and their passwords are the same on all nodes, since they are replicated. A node with another password for the replication user cannot follow a new leader; with another one for rewind it does not come back.",
	Source:    "postgresql.authentication; patroni/postgresql/config.py, primary_conninfo_params and get_replication_connection_string",
	Fix:       "Write the same postgresql.authentication into every file, or supply it on every node in the same way.",
	Proof:     auditProof,
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	Needs:     []Need{inEach(fileSuperuser), inEach(fileReplication), inEach(fileRewind)},
	Run:       runAuditLogins,
}

func runAuditTLS(s *Snapshot, _ Question, _ string) []Finding {
	asked := s.all() + ", restapi.certfile"
	observed, same := s.sides(textsOf(inEach(fileHTTPS).get(s, ""), func(https bool) string {
		return map[bool]string{true: "https", false: "http"}[https]
	}), "restapi.certfile", "restapi.connect_address")
	if same {
		return evidence(asked, "%s", observed)
	}
	return []Finding{{
		Asked: asked, Observed: observed, Expected: "the same in all",
		Effect: "Whoever asks all nodes by the same scheme, as a load balancer does, takes some of them for dead.",
		Remedy: "Give restapi.certfile and restapi.keyfile in every file, or in none, then: " + s.reload(),
	}}
}

func runAuditClientCertificate(s *Snapshot, _ Question, id string) []Finding {
	f, _ := s.File(id)
	if fileClientCert.get(s, id) {
		return evidence(f.at("ctl.certfile"), "it has a client certificate")
	}
	https := inEach(fileHTTPS).get(s, "")
	var wanting, changing []string
	for _, other := range s.Files {
		if other.ID == id || !https[other.ID] {
			continue
		}
		switch inEach(fileVerify).get(s, "")[other.ID] {
		case "required":
			wanting = append(wanting, fmt.Sprintf("%s (%s)", other.ID, other.at("restapi.verify_client")))
		case "optional":
			changing = append(changing, other.ID)
		}
	}
	remedy := fmt.Sprintf("Give ctl.certfile and ctl.keyfile in %s (or PATRONI_CTL_CERTFILE on that node, which an audit does not see), then: %s", f.Path, s.reload(f))
	switch {
	case wanting != nil:
		return []Finding{{
			Asked: f.at("ctl.certfile"), Observed: "there is no client certificate, and one is required by " + enumerate(wanting), Expected: "a client certificate",
			Effect: fmt.Sprintf("When %s leads, it cannot ask them: \"not reachable\", and a switchover to one of them is refused.", id),
			Remedy: remedy,
		}}
	case changing != nil:
		return []Finding{{
			Severity: Warning,
			Asked:    f.at("ctl.certfile"), Observed: "there is no client certificate, and without one " + enumerate(changing) + " takes no request that changes something (restapi.verify_client: optional)",
			Expected: "a client certificate",
			Effect:   "patronictl with that file cannot ask them for a switchover.", Remedy: remedy,
		}}
	}
	return evidence(f.at("ctl.certfile"), "no other node asks for a client certificate")
}

func runAuditRESTLogin(s *Snapshot, _ Question, _ string) []Finding {
	asked := s.all() + ", restapi.authentication and ctl.authentication"
	guards := map[string]string{}
	for _, f := range s.Files {
		guards[f.ID] = userText(f.RESTLogin.Must())
	}
	remedy := "Write the same restapi.authentication into every file, and the same into ctl.authentication where that is there, then: " + s.reload()
	if text := s.contradicting(func(f NodeFile) []keyedLogin {
		return []keyedLogin{{f.RESTClient.Must(), "ctl.authentication.password"}, {f.RESTLogin.Must(), "restapi.authentication.password"}}
	}); text != "" {
		return []Finding{{
			Asked: asked, Observed: text, Expected: "one password for one user",
			Effect: "A node that gets the other's password answers 401: a switchover that is asked of it is not begun.",
			Remedy: remedy,
		}}
	}
	observed, same := s.sides(guards, "restapi.authentication.username")
	if !same {
		f := Finding{
			Severity: Warning, Asked: asked, Observed: observed, Expected: "the same in all",
			Effect: "A node without a login takes a switchover from anybody, unless its environment has one (PATRONI_RESTAPI_USERNAME), which an audit does not see.",
			Remedy: remedy,
		}
		if kinds := textSet(guards, func(t string) string { return t }); len(kinds) > 2 || !kinds["no user"] {
			f.Severity = ""
			f.Effect = "A node that gets another one's user answers 401: a switchover that is asked of it is not begun."
		}
		return []Finding{f}
	}
	for _, f := range s.Files {
		shown, asked := f.RESTClient.Must(), f.RESTLogin.Must()
		if shown.User != "" && asked.User != "" && shown.User != asked.User {
			return []Finding{{
				Asked: f.at("ctl.authentication.username"), Observed: fmt.Sprintf("user %s, where restapi.authentication has %s", shown.User, asked.User), Expected: "the same user",
				Effect: "The nodes answer 401 to " + f.ID + "'s requests: a switchover that is asked from there is not begun.",
				Remedy: remedy,
			}}
		}
	}
	return evidence(asked, "%s", observed)
}

func userText(l NodeLogin) string {
	if l.User == "" {
		return "no user"
	}
	return "user " + l.User
}

func runAuditLogins(s *Snapshot, _ Question, _ string) []Finding {
	const section = "postgresql.authentication."
	asked := s.all() + ", postgresql.authentication"
	var out []Finding
	if text := s.contradicting(func(f NodeFile) []keyedLogin {
		return []keyedLogin{{f.Superuser.Must(), section + "superuser"}, {f.Replication.Must(), section + "replication"}, {f.Rewind.Must(), section + "rewind"}}
	}); text != "" {
		out = append(out, Finding{
			Asked: asked, Observed: text, Expected: "one password for one user",
			Effect: "A role has one password on all nodes: the node with the wrong one cannot follow a new leader, or does not come back after the switchover.",
			Remedy: "Write the right password into every file, then: " + s.reload(),
		})
	}
	for _, logins := range []fact[NodeLogin]{fileSuperuser, fileReplication, fileRewind} {
		users := map[string]string{}
		for id, l := range inEach(logins).get(s, "") {
			if l.User != "" {
				users[id] = "user " + l.User
			}
		}
		if observed, same := s.sides(users, logins.name); !same {
			out = append(out, Finding{
				Severity: Warning, Asked: s.all() + ", " + logins.name, Observed: observed, Expected: "the same user in all",
				Effect: "Patroni makes the users of the node that founds the cluster; the others' may not exist, or lack rights.",
				Remedy: "Write the same user into every file, or make sure that each exists with the rights it needs and a line in pg_hba.conf, then: " + s.reload(),
			})
		}
	}
	if out == nil {
		return evidence(asked, "nothing contradicts; what is not in the files was not judged")
	}
	return out
}
