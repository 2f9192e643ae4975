package audit

import (
	"fmt"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// The audit's checks of TLS and of logins.

var auditRESTTLS = check.Check{
	ID:    "audit.rest_tls",
	Title: "the nodes' REST APIs are all http, or all https",
	Since: "0.2.0",
	Why: "Patroni asks each member at its own api_url, so a mixture works for Patroni. Health checks of a load " +
		"balancer and scripts ask all nodes alike, and a node without TLS sends logins in plain text.",
	Source:   "patroni/api.py, reload_config: https if restapi.certfile is set",
	Fix:      "Set restapi.certfile and restapi.keyfile in every file, or in none.",
	Proof:    auditProof,
	Kind:     check.Policy,
	Severity: check.Warning,
	Of:       check.OfCluster,
	Needs:    []fact.Need{fact.InEach(fact.FileHTTPS)},
	Run:      runAuditTLS,
}

var auditClientCert = check.Check{
	ID:    "audit.client_cert",
	Title: "every node has the client certificate that others require",
	Since: "0.2.0",
	Why: "With restapi.verify_client: required a REST API refuses a client without a certificate, including other " +
		"members. A leader without ctl.certfile cannot ask such a candidate: \"not reachable\", no good candidates.",
	Source:    "patroni/request.py, PatroniRequest.reload_config: ctl.certfile; patroni/api.py, verify_client",
	Fix:       "Set ctl.certfile and ctl.keyfile in every file.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	Needs:     []fact.Need{fact.FileClientCert, fact.InEach(fact.FileVerify), fact.InEach(fact.FileHTTPS)},
	Run:       runAuditClientCertificate,
}

var auditRESTLogin = check.Check{
	ID:    "audit.rest_login",
	Title: "every node sends the login that the other REST APIs require",
	Since: "0.2.0",
	Why: "A request that changes the cluster needs restapi.authentication of the node that receives it. " +
		"patronictl and Patroni send ctl.authentication, or their own restapi.authentication: with another user or " +
		"password the leader answers 401, and the switchover does not even begin.",
	Source: "patroni/api.py, check_auth_header; patroni/request.py, PatroniRequest.reload_config",
	Fix: "Write the same restapi.authentication into every file, and the same into ctl.authentication where it is " +
		"set.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs:     []fact.Need{fact.InEach(fact.FileRESTLogin), fact.InEach(fact.FileRESTClient)},
	Run:       runAuditRESTLogin,
}

var auditLogins = check.Check{
	ID:    "audit.logins",
	Title: "all nodes log in to PostgreSQL with the same users",
	Since: "0.2.0",
	Why: "Roles and their passwords are replicated, so they are the same on all nodes. A node with another " +
		"password for the replication user cannot follow a new leader; with another one for rewind it cannot rejoin.",
	Source: "postgresql.authentication; patroni/postgresql/config.py, primary_conninfo_params and " +
		"get_replication_connection_string",
	Fix:       "Write the same postgresql.authentication into every file, or supply it on every node in the same way.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs: []fact.Need{
		fact.InEach(fact.FileSuperuser),
		fact.InEach(fact.FileReplication),
		fact.InEach(fact.FileRewind),
	},
	Run: runAuditLogins,
}

func runAuditTLS(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	asked := allFiles(s) + ", restapi.certfile"
	observed, same := sides(s, textsOf(fact.InEach(fact.FileHTTPS).Get(s, ""), func(https bool) string {
		return map[bool]string{true: "https", false: "http"}[https]
	}), "restapi.certfile", "restapi.connect_address")
	if same {
		return check.Witnessed(asked, "%s", observed)
	}
	return []check.Finding{{
		Asked: asked, Observed: observed, Expected: "the same in all files",
		Effect: "A client that asks all nodes with the same scheme, such as a load balancer, considers some of them dead.",
		Remedy: "Set restapi.certfile and restapi.keyfile in every file, or in none, then run: " + reloadCommand(s),
	}}
}

func runAuditClientCertificate(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	if fact.FileClientCert.Get(s, id) {
		return check.Witnessed(f.Where("ctl.certfile"), "it has a client certificate")
	}
	https := fact.InEach(fact.FileHTTPS).Get(s, "")
	var wanting, changing []string
	for _, other := range s.Files {
		if other.ID == id || !https[other.ID] {
			continue
		}
		switch fact.InEach(fact.FileVerify).Get(s, "")[other.ID] {
		case "required":
			wanting = append(wanting, fmt.Sprintf("%s (%s)", other.ID, other.Where("restapi.verify_client")))
		case "optional":
			changing = append(changing, other.ID)
		}
	}
	remedy := fmt.Sprintf(
		"Set ctl.certfile and ctl.keyfile in %s (or PATRONI_CTL_CERTFILE on that node, which an audit does not see), then "+
			"run: %s",
		f.Path,
		reloadCommand(s, f),
	)
	switch {
	case wanting != nil:
		return []check.Finding{
			{
				Asked: f.Where(
					"ctl.certfile",
				),
				Observed: "no client certificate, and one is required by " + enumerate(wanting),
				Expected: "a client certificate",
				Effect: fmt.Sprintf(
					"When %s leads, it cannot ask them: \"not reachable\", and a switchover to one of them is refused.",
					id,
				),
				Remedy: remedy,
			},
		}
	case changing != nil:
		return []check.Finding{
			{
				Severity: check.Warning,
				Asked: f.Where(
					"ctl.certfile",
				),
				Observed: "no client certificate, and without one " + enumerate(
					changing,
				) + " accepts no request that changes the cluster (restapi.verify_client: optional)",
				Expected: "a client certificate",
				Effect:   "patronictl with that file cannot ask them for a switchover.",
				Remedy:   remedy,
			},
		}
	}
	return check.Witnessed(f.Where("ctl.certfile"), "no other node requires a client certificate")
}

func runAuditRESTLogin(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	asked := allFiles(s) + ", restapi.authentication and ctl.authentication"
	guards := map[string]string{}
	for _, f := range s.Files {
		guards[f.ID] = userText(f.RESTLogin.Must())
	}
	remedy := "Write the same restapi.authentication into every file, and the same into ctl.authentication where it is " +
		"set, then run: " + reloadCommand(
		s,
	)
	if text := contradicting(s, func(f fact.NodeFile) []keyedLogin {
		return []keyedLogin{
			{f.RESTClient.Must(), "ctl.authentication.password"},
			{f.RESTLogin.Must(), "restapi.authentication.password"},
		}
	}); text != "" {
		return []check.Finding{{
			Asked: asked, Observed: text, Expected: "one password for one user",
			Effect: "A node that receives another node's password answers 401: the switchover does not begin.",
			Remedy: remedy,
		}}
	}
	observed, same := sides(s, guards, "restapi.authentication.username")
	if !same {
		f := check.Finding{
			Severity: check.Warning,
			Asked:    asked,
			Observed: observed,
			Expected: "the same in all files",
			Effect: "A node without a login accepts a switchover from any client, unless its environment has one " +
				"(PATRONI_RESTAPI_USERNAME), which an audit does not see.",
			Remedy: remedy,
		}
		if kinds := textSet(guards, func(t string) string { return t }); len(kinds) > 2 || !kinds["no user"] {
			f.Severity = ""
			f.Effect = "A node that receives another node's user answers 401: the switchover does not begin."
		}
		return []check.Finding{f}
	}
	for _, f := range s.Files {
		shown, asked := f.RESTClient.Must(), f.RESTLogin.Must()
		if shown.User != "" && asked.User != "" && shown.User != asked.User {
			return []check.Finding{
				{
					Asked: f.Where(
						"ctl.authentication.username",
					),
					Observed: fmt.Sprintf("user %s, where restapi.authentication has %s", shown.User, asked.User),
					Expected: "the same user",
					Effect:   "The nodes answer 401 to " + f.ID + "'s requests: a switchover requested from there does not begin.",
					Remedy:   remedy,
				},
			}
		}
	}
	return check.Witnessed(asked, "%s", observed)
}

func userText(l fact.NodeLogin) string {
	if l.User == "" {
		return "no user"
	}
	return "user " + l.User
}

func runAuditLogins(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	const section = "postgresql.authentication."
	asked := allFiles(s) + ", postgresql.authentication"
	var out []check.Finding
	if text := contradicting(s, func(f fact.NodeFile) []keyedLogin {
		return []keyedLogin{
			{f.Superuser.Must(), section + "superuser"},
			{f.Replication.Must(), section + "replication"},
			{f.Rewind.Must(), section + "rewind"},
		}
	}); text != "" {
		out = append(
			out,
			check.Finding{
				Asked:    asked,
				Observed: text,
				Expected: "one password for one user",
				Effect: "A role has one password on all nodes: the node with the wrong one cannot follow a new leader, or " +
					"cannot rejoin after the switchover.",
				Remedy: "Write the right password into every file, then run: " + reloadCommand(s),
			},
		)
	}
	for _, logins := range []fact.Fact[fact.NodeLogin]{fact.FileSuperuser, fact.FileReplication, fact.FileRewind} {
		users := map[string]string{}
		for id, l := range fact.InEach(logins).Get(s, "") {
			if l.User != "" {
				users[id] = "user " + l.User
			}
		}
		if observed, same := sides(s, users, logins.Label); !same {
			out = append(
				out,
				check.Finding{
					Severity: check.Warning,
					Asked:    allFiles(s) + ", " + logins.Label,
					Observed: observed,
					Expected: "the same user in all files",
					Effect: "Patroni creates the users of the node that bootstraps the cluster; the users in the other files may " +
						"not exist, or may lack privileges.",
					Remedy: "Write the same user into every file, or make sure that each exists with its privileges and a line in " +
						"pg_hba.conf, then run: " + reloadCommand(
						s,
					),
				},
			)
		}
	}
	if out == nil {
		return check.Witnessed(asked, "no contradiction; logins that are not in the files were not checked")
	}
	return out
}
