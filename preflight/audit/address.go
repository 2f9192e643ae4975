package audit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// The audit's checks of addresses.

const addressSource = "restapi.connect_address becomes api_url (patroni/api.py, reload_config), " +
	"postgresql.connect_address conn_url (patroni/postgresql/config.py, resolve_connection_addresses)"

var bothAddresses = []fact.Need{fact.FileRESTAddress, fact.FileSQLAddress}

var auditAddress = check.Check{
	ID:    "audit.address",
	Title: "other nodes can reach every connect_address",
	Since: "0.2.0",
	Why: "The other nodes find a node only by its connect_address. With a wildcard or loopback address a node " +
		"connects to itself: a leader takes its own answer for the candidate's, counts WAL position 0 and refuses the " +
		"switchover.",
	Source:    addressSource + "; public reports patroni#423, #832, #1784",
	Fix:       "Set restapi.connect_address and postgresql.connect_address to the node's own address, with the port.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	Needs:     bothAddresses,
	Run:       runAuditAddress,
}

var auditVIP = check.Check{
	ID:    "audit.vip",
	Title: "no connect_address is a VIP",
	Since: "0.2.0",
	Why: "A VIP moves with the leader. As a node's address it works while that node leads, and leads to the new " +
		"leader afterwards: the switchover to that leader works, the switchover back fails.",
	Source:    "patroni/patroni#3230; patroni/ha.py, _MemberStatus.from_api_response",
	Fix:       "Set connect_address to the node's own address. Name your VIPs with --vip, or as preflight.vips in a file.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	Needs:     bothAddresses,
	Run:       runAuditVIP,
}

var auditDistinct = check.Check{
	ID:    "audit.distinct",
	Title: "each connect_address belongs to its node only",
	Since: "0.2.0",
	Why: "If two nodes have one address, one server answers for both: Patroni takes the other node's state for " +
		"the candidate's, and members follow the wrong server.",
	Source:    addressSource + "; public report patroni#3230",
	Fix:       "Set each connect_address to the node's own address and port.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	Needs: []fact.Need{
		fact.InEach(fact.FileRESTAddress),
		fact.InEach(fact.FileSQLAddress),
		fact.InEach(fact.FileRESTListen),
		fact.InEach(fact.FileSQLListen),
	},
	Run: runAuditDistinct,
}

var auditPorts = check.Check{
	ID:        "audit.ports",
	Title:     "no two servers listen on one address and port",
	Since:     "0.2.0",
	Why:       "Patroni exits if the port of its REST API is taken, and PostgreSQL does not start.",
	Source:    "patroni/api.py, RestApiServer.__initialize; PostgreSQL: could not create any TCP/IP sockets",
	Fix:       "Give restapi.listen and postgresql.listen different ports, also for two members on one host.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	Needs: []fact.Need{
		fact.InEach(fact.FileRESTListen),
		fact.InEach(fact.FileSQLListen),
		fact.FileRESTPort,
		fact.FileSQLPort,
	},
	Run: runAuditPorts,
}

var auditListen = check.Check{
	ID:    "audit.listen",
	Title: "listen serves the address in connect_address",
	Since: "0.2.0",
	Why: "A connect_address with a port other than listen's, or an address that listen does not serve, reaches the " +
		"node only through a proxy or a mapped port, or not at all.",
	Source: addressSource,
	Fix: "Give connect_address the port of listen, and let listen serve its address, unless there is a proxy or a " +
		"mapped port on purpose.",
	Proof:    auditProof,
	Kind:     check.Policy,
	Severity: check.Warning,
	Of:       check.OfFiles,
	Needs: append(
		[]fact.Need{fact.FileRESTListen, fact.FileSQLListen, fact.FileRESTPort, fact.FileSQLPort},
		bothAddresses...),
	Run: runAuditListen,
}

var auditDataDir = check.Check{
	ID:    "audit.data_dir",
	Title: "no two members on one host share a data directory",
	Since: "0.2.0",
	Why: "Two servers cannot run on one data directory; the second one does not start, or uses the first one's " +
		"data.",
	Source:    "postgresql.data_dir; PostgreSQL's postmaster.pid",
	Fix:       "Give each member on a host a postgresql.data_dir of its own.",
	Proof:     auditProof,
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	Needs:     append([]fact.Need{dataDirsOfHost}, bothAddresses...),
	Run:       runAuditDataDir,
}

// endpoint is one of a node's two servers as its file has it.
type endpoint struct {
	section string // restapi or postgresql
	own     fact.NodeAddress
}

func endpointsOf(f fact.NodeFile) []endpoint {
	return []endpoint{{"restapi", f.REST}, {"postgresql", f.SQL}}
}

// key is where the address stands: connect_address, or listen where that is made of it.
func (e endpoint) key() string {
	if e.own.Connect.OrZero().Derived {
		return e.section + ".listen"
	}
	return e.section + ".connect_address"
}

// address is what the others are told, with how that came about.
func (e endpoint) address() string {
	c := e.own.Connect.OrZero()
	if c.Derived {
		return fmt.Sprintf("%s.connect_address is missing, so Patroni announces %s", e.section, c)
	}
	if c.NoPort {
		return "the address is " + c.Host + ", without a port"
	}
	return "the address is " + c.String()
}

func (e endpoint) remedy(f fact.NodeFile, s *fact.Snapshot) string {
	port := "PORT"
	if n, ok := e.own.ListenPort.Get(); ok {
		port = strconv.Itoa(n)
	}
	return fmt.Sprintf("Set %s.connect_address in %s to the node's own address, for example ADDRESS:%s, then run: %s",
		e.section, f.Path, port, reloadCommand(s, f))
}

func runAuditAddress(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	var out []check.Finding
	for _, e := range endpointsOf(f) {
		c := e.own.Connect.Must()
		finding := check.Finding{
			Asked:    f.Where(e.key()),
			Observed: e.address(),
			Expected: "an address of that node which the other nodes reach",
			Effect: "A node that asks for " + id + " at this address reaches itself: a leader counts the member as WAL " +
				"position 0, \"exceeds maximum replication lag\", 503.",
			Remedy: e.remedy(f, s),
		}
		if e.section == "postgresql" {
			finding.Effect = "A member that is to follow " + id + " connects to itself: after a switchover to " + id + " no " +
				"member streams."
		}
		// Several addresses of listen are no host.
		host, _, several := strings.Cut(c.Host, ",")
		kind := fact.KindOf(strings.ToLower(host))
		switch {
		case kind == fact.NoHost || several:
			finding.Effect = "No other node can reach the node at this address: Patroni says \"not reachable\"."
		case kind == fact.Loopback && allFilesLoopback(s):
			finding.Severity, finding.Effect = check.Warning, "All nodes are on loopback addresses: that works as long as "+
				"they run on one machine."
		case kind != fact.Ordinary:
		case c.NoPort && e.section == "restapi" && !e.own.ListenPort.Is(func(p int) bool { return p == c.Port }):
			finding.Observed += fmt.Sprintf(", which means %d", c.Port)
			finding.Expected = "the port of restapi.listen"
			finding.Effect = "Patroni does not listen there: a leader says \"not reachable\", and refuses " + id + " as a " +
				"candidate."
		default:
			continue
		}
		out = append(out, finding)
	}
	if out == nil {
		return check.Witnessed(f.Path, "restapi %s, postgresql %s", f.REST.Connect.Must(), f.SQL.Connect.Must())
	}
	return out
}

// allFilesLoopback reports whether the files are those of a test bed on one
// machine: all on loopback, each server on a port of its own.
func allFilesLoopback(s *fact.Snapshot) bool {
	ports := map[int]bool{}
	for _, f := range s.Files {
		for _, e := range endpointsOf(f) {
			c := e.own.Connect.OrZero()
			if fact.KindOf(strings.ToLower(c.Host)) != fact.Loopback || ports[c.Port] {
				return false
			}
			ports[c.Port] = true
		}
	}
	return len(s.Files) > 1
}

func runAuditVIP(s *fact.Snapshot, q fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	var out []check.Finding
	for _, e := range endpointsOf(f) {
		vip := fact.VIPAmong(q.VIPs, []string{e.own.Connect.Must().Host})
		if vip == "" {
			continue
		}
		out = append(
			out,
			check.Finding{
				Asked: f.Where(
					e.key(),
				),
				Observed: fmt.Sprintf("%s, and %s is a VIP that moves with the leader", e.address(), vip),
				Expected: "the node's own address",
				Effect: fmt.Sprintf(
					"While %s leads, a switchover away from it works. Afterwards the new leader holds %s and answers for %s: the "+
						"switchover back fails, \"exceeds maximum replication lag\", 503.",
					id,
					vip,
					id,
				),
				Remedy: e.remedy(f, s),
			},
		)
	}
	switch {
	case out != nil:
		return out
	case len(q.VIPs) == 0:
		return check.Witnessed(f.Path, "no VIP was named (--vip)")
	}
	return check.Witnessed(f.Path, "neither address is one of %s", strings.Join(q.VIPs, ", "))
}

func runAuditDistinct(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	var out []check.Finding
	for _, e := range endpointsOf(f) {
		c := e.own.Connect.Must()
		if fact.KindOf(strings.ToLower(c.Host)) != fact.Ordinary {
			continue // audit.address has it
		}
		for _, other := range s.Files {
			if other.ID == id {
				continue
			}
			what := othersOwn(f, other, e)
			if what == "" {
				continue
			}
			out = append(
				out,
				check.Finding{
					Asked: f.Where(
						e.key(),
					),
					Observed: fmt.Sprintf("%s, which is %s", e.address(), what),
					Expected: "the node's own address",
					Effect: fmt.Sprintf(
						"%s would answer for %s: a leader that asks itself counts WAL position 0, \"exceeds maximum replication lag\", "+
							"503; Patroni takes another replica's answer for the candidate's.",
						other.ID,
						id,
					),
					Remedy: e.remedy(f, s),
				},
			)
		}
	}
	if out == nil {
		return check.Witnessed(f.Path, "%s and %s belong to no other node", f.REST.Connect.Must(), f.SQL.Connect.Must())
	}
	return out
}

// othersOwn says by which right an address of one file belongs to another node: as
// its own connect_address, as one that it listens on, or, with the same port, as
// the address of its other server. "" where it does not. Several members on one
// host differ by the port, also behind mapped ports, where all listen on the same.
func othersOwn(f, other fact.NodeFile, e endpoint) string {
	c := e.own.Connect.OrZero()
	for _, o := range endpointsOf(other) {
		theirs, ok := o.own.Connect.Get()
		if ok && theirs.Port == c.Port && fact.SameHost(theirs.Host, c.Host) {
			return fmt.Sprintf("%s of %s (%s)", o.key(), other.ID, other.Where(o.key()))
		}
	}
	for _, o := range endpointsOf(other) {
		if o.section != e.section {
			continue
		}
		if slices.ContainsFunc(o.own.Listen.OrZero(), func(h string) bool { return fact.SameHost(h, c.Host) }) &&
			o.own.ListenPort.Is(func(p int) bool { return p == c.Port }) {
			return fmt.Sprintf("in %s.listen of %s (%s)", o.section, other.ID, other.Where(o.section+".listen"))
		}
	}
	// An address of the other node that this one has nothing of.
	for _, o := range endpointsOf(other) {
		theirs, ok := o.own.Connect.Get()
		port := endpointsOf(
			other,
		)[slices.IndexFunc(
			endpointsOf(other),
			func(x endpoint) bool { return x.section == e.section },
		)].own.Connect.OrZero().Port
		if !ok || o.section == e.section || !fact.SameHost(theirs.Host, c.Host) || port != c.Port {
			continue
		}
		if !slices.ContainsFunc(endpointsOf(f), func(x endpoint) bool {
			return x.section != e.section && fact.SameHost(x.own.Connect.OrZero().Host, c.Host)
		}) {
			return fmt.Sprintf(
				"the host of %s of %s (%s), with the port of its %s",
				o.key(),
				other.ID,
				other.Where(o.key()),
				e.section,
			)
		}
	}
	return ""
}

func runAuditPorts(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	var out []check.Finding
	rest, sql := endpointsOf(f)[0], endpointsOf(f)[1]
	if rest.own.ListenPort.Must() == sql.own.ListenPort.Must() && overlap(rest.own.Listen.Must(), sql.own.Listen.Must()) {
		out = append(out, check.Finding{
			Asked: f.Where(
				"restapi.listen",
			),
			Observed: fmt.Sprintf(
				"port %d is that of postgresql.listen too (%s)",
				rest.own.ListenPort.Must(),
				f.Where("postgresql.listen"),
			),
			Expected: "two ports",
			Effect:   "The server that starts second finds the port taken: Patroni exits, or PostgreSQL does not start.",
			Remedy:   fmt.Sprintf("Give restapi.listen in %s another port, usually 8008, and connect_address the same.", f.Path),
		})
	}
	for _, other := range s.Files {
		if other.ID == id {
			continue
		}
		for _, e := range endpointsOf(f) {
			for _, o := range endpointsOf(other) {
				if p, ok := o.own.ListenPort.Get(); !ok || p != e.own.ListenPort.Must() || !collide(s, f, other, e, o) {
					continue
				}
				out = append(out, check.Finding{
					Asked: f.Where(e.section + ".listen"),
					Observed: fmt.Sprintf(
						"port %d on that host is %s.listen of %s too (%s)",
						e.own.ListenPort.Must(),
						o.section,
						other.ID,
						other.Where(o.section+".listen"),
					),
					Expected: "a port of its own for each server on one host",
					Effect:   "The server that starts second finds the port taken: Patroni exits, or PostgreSQL does not start.",
					Remedy:   fmt.Sprintf("Give %s.listen in %s another port, and its connect_address the same.", e.section, f.Path),
				})
			}
		}
	}
	if out == nil {
		return check.Witnessed(
			f.Path,
			"restapi listens on port %d, postgresql on port %d",
			rest.own.ListenPort.Must(),
			sql.own.ListenPort.Must(),
		)
	}
	return out
}

// collide reports whether two servers of different members with the same port of
// listen get in each other's way: on one address, or on one host without mapped
// ports.
func collide(s *fact.Snapshot, a, b fact.NodeFile, x, y endpoint) bool {
	for _, h := range x.own.Listen.OrZero() {
		for _, g := range y.own.Listen.OrZero() {
			if fact.KindOf(strings.ToLower(h)) == fact.Ordinary && fact.SameHost(h, g) {
				return true
			}
		}
	}
	return oneHost(a, b) && overlap(x.own.Listen.OrZero(), y.own.Listen.OrZero())
}

// oneHost reports whether two members are on one host, as far as their addresses
// tell. With mapped ports each may be in a container of its own.
func oneHost(a, b fact.NodeFile) bool {
	for _, f := range []fact.NodeFile{a, b} {
		for _, e := range endpointsOf(f) {
			if c, ok := e.own.Connect.Get(); !ok || !e.own.ListenPort.Is(func(p int) bool { return p == c.Port }) {
				return false
			}
		}
	}
	return fact.KindOf(strings.ToLower(a.REST.Connect.OrZero().Host)) == fact.Ordinary &&
		fact.SameHost(
			a.REST.Connect.OrZero().Host,
			b.REST.Connect.OrZero().Host,
		) && fact.SameHost(a.SQL.Connect.OrZero().Host, b.SQL.Connect.OrZero().Host)
}

// overlap reports whether two lists of addresses to listen on have one in common.
func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if fact.KindOf(strings.ToLower(x)) == fact.Wildcard || fact.KindOf(strings.ToLower(y)) == fact.Wildcard ||
				fact.SameHost(x, y) {
				return true
			}
		}
	}
	return false
}

func runAuditListen(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	var out []check.Finding
	for _, e := range endpointsOf(f) {
		c := e.own.Connect.Must()
		if c.Derived || fact.KindOf(strings.ToLower(c.Host)) != fact.Ordinary {
			continue
		}
		finding := check.Finding{
			Asked:  f.Where(e.key()),
			Effect: "The other nodes reach the node only through a proxy or a mapped port; without one they do not reach it.",
			Remedy: fmt.Sprintf(
				"If there is no proxy or mapped port, set %s.connect_address in %s to an address and the port of %s.listen, then "+
					"run: %s",
				e.section,
				f.Path,
				e.section,
				reloadCommand(s, f),
			),
		}
		if port := e.own.ListenPort.Must(); port != c.Port && !(c.NoPort && e.section == "restapi") {
			with := finding
			with.Observed, with.Expected = fmt.Sprintf(
				"%s, and %s.listen has port %d",
				e.address(),
				e.section,
				port,
			), "the same port"
			out = append(out, with)
		}
		if hosts := e.own.Listen.Must(); !serves(hosts, c.Host) {
			with := finding
			with.Observed, with.Expected = fmt.Sprintf(
				"%s, and %s.listen has only %s",
				e.address(),
				e.section,
				strings.Join(hosts, ", "),
			), "an address that listen serves"
			out = append(out, with)
		}
	}
	if out == nil {
		return check.Witnessed(f.Path, "both addresses are served")
	}
	return out
}

// serves reports whether a server that listens on the hosts can be reached by the
// address. A name against an address cannot be told without asking, and passes.
func serves(hosts []string, address string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool {
		kind := fact.KindOf(strings.ToLower(h))
		return kind == fact.Wildcard || kind == fact.NoHost || fact.SameHost(h, address) ||
			kind == fact.Ordinary && fact.IsIP(h) != fact.IsIP(address)
	})
}

// dataDirsOfHost are the data directories of the members that are on the host of
// one, by their files; none where it is alone, whatever its file says.
var dataDirsOfHost = fact.Fact[map[string]string]{
	Label: "postgresql.data_dir of each member on that host",
	Of: func(s *fact.Snapshot, id string) fact.Observed[map[string]string] {
		f, _ := s.File(id)
		out := map[string]string{}
		for _, other := range s.Files {
			if other.ID == id || !oneHost(f, other) {
				continue
			}
			for _, of := range []string{id, other.ID} {
				o := fact.FileDataDir.Of(s, of)
				dir, ok := o.Get()
				if !ok {
					return fact.Because[map[string]string](o)
				}
				out[of] = strings.TrimRight(dir, "/")
			}
		}
		return fact.Known(out)
	},
}

func runAuditDataDir(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	dirs := dataDirsOfHost.Get(s, id)
	f, _ := s.File(id)
	for _, other := range s.Files {
		if dir, ok := dirs[other.ID]; !ok || other.ID == id || dir != dirs[id] {
			continue
		}
		return []check.Finding{
			{
				Asked: f.Where(
					"postgresql.data_dir",
				),
				Observed: fmt.Sprintf(
					"%s has it too (%s), and both are on %s",
					other.ID,
					other.Where("postgresql.data_dir"),
					f.SQL.Connect.Must().Host,
				),
				Expected: "a directory of its own for each member of a host",
				Effect: "The second server does not start, or uses the first one's data. (If each runs in a container with a " +
					"file system of its own, ignore this.)",
				Remedy: fmt.Sprintf("Set postgresql.data_dir in %s to another directory before you start Patroni there.", f.Path),
			},
		}
	}
	return check.Witnessed(f.Path, "no other member of its host has that directory")
}
