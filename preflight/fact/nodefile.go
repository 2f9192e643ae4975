package fact

import (
	"strconv"
	"strings"
)

// NodeFile is what the patroni.yml of one node says, as far as nodes have to
// agree. It holds no secret: of a password there is a number, the same for the
// same password in all files of one audit.
type NodeFile struct {
	// ID names the file in a report: the member's name, or the path where there is
	// no name, or where another file has the same.
	ID   string `json:"id"`
	Path string `json:"path"`
	// At is where a key stands, by its dotted name: "node1.yml, line 12".
	At map[string]string `json:"at"`

	// What is not in the file is unknown (absent), since the node's environment may
	// supply it, unless the field says otherwise.
	Name  Observed[string] `json:"name"`
	Scope Observed[string] `json:"scope"`
	// Namespace is /service where absent.
	Namespace Observed[string] `json:"namespace"`
	// Group is citus.group, "" where there is none.
	Group Observed[string]    `json:"group"`
	Store Observed[NodeStore] `json:"store"`
	// REST and SQL are restapi and postgresql.
	REST NodeAddress `json:"restapi"`
	SQL  NodeAddress `json:"postgresql"`
	// HTTPS is whether restapi.certfile is there.
	HTTPS Observed[bool] `json:"https"`
	// VerifyClient is "none" where absent, else "optional" or "required".
	VerifyClient Observed[string] `json:"verify_client"`
	// ClientCertificate is whether ctl.certfile is there: Patroni asks other members
	// with it (patroni/request.py, PatroniRequest.reload_config).
	ClientCertificate Observed[bool] `json:"client_certificate"`
	// RESTLogin is restapi.authentication, which guards what changes something;
	// RESTClient is what this node shows to others: ctl's before restapi's.
	RESTLogin  Observed[NodeLogin] `json:"restapi_authentication"`
	RESTClient Observed[NodeLogin] `json:"ctl_authentication"`
	// Superuser, Replication and Rewind are postgresql.authentication. Of each login
	// what the file does not have is empty: that may come from elsewhere, and is not
	// judged.
	Superuser   Observed[NodeLogin] `json:"superuser"`
	Replication Observed[NodeLogin] `json:"replication"`
	Rewind      Observed[NodeLogin] `json:"rewind"`
	DataDir     Observed[string]    `json:"data_dir"`
	// Tags are Patroni's own ones; none where the section is absent.
	Tags Observed[Tags] `json:"tags"`
	// Parameters are those of postgresql.parameters that checks look at, as written.
	Parameters Observed[map[string]string] `json:"parameters"`
	// ClusterKeys are the keys in the file that Patroni reads in the DCS alone, as
	// ClusterKeys names them, in that order.
	ClusterKeys Observed[[]string] `json:"cluster_keys"`
	// Watchdog is watchdog.mode, "automatic" where absent.
	Watchdog Observed[string] `json:"watchdog"`
}

// NodeStore is the DCS that a file names.
type NodeStore struct {
	// Kind is the section: "etcd3". Patroni takes the first by name where there are several.
	Kind string `json:"kind"`
	// Endpoints are host:port, sorted, or what stands for them in another store.
	Endpoints []string `json:"endpoints"`
	// Protocol is http or https, "" where the store has none.
	Protocol string `json:"protocol,omitempty"`
	// Certificate is whether a client certificate is named.
	Certificate bool      `json:"certificate"`
	Login       NodeLogin `json:"login"`
}

// NodeLogin is a user and a number for the password.
type NodeLogin struct {
	// User is "" where there is none in the file.
	User string `json:"user,omitempty"`
	// Password is the same for the same password, 0 where there is none in the file.
	Password int `json:"password_class,omitempty"`
}

// NodeAddress is where one of a node's two servers listens, and how the others
// are told to reach it.
type NodeAddress struct {
	// Listen are the addresses of listen, ListenPort is its port.
	Listen     Observed[[]string] `json:"listen"`
	ListenPort Observed[int]      `json:"listen_port"`
	// Connect is connect_address, or what Patroni makes of listen where there is
	// none: restapi's is then listen itself (patroni/api.py, reload_config), that of
	// postgresql the first address, or localhost where it listens there or
	// everywhere (patroni/postgresql/config.py, resolve_connection_addresses).
	Connect Observed[HostPort] `json:"connect"`
}

// HostPort is an address as written, without brackets. Port is that of the
// protocol where there is none: 80, 443 or 5432.
type HostPort struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	// NoPort is whether none was written, Derived whether it was made from listen.
	NoPort  bool `json:"no_port,omitempty"`
	Derived bool `json:"derived,omitempty"`
}

// File returns the file of that ID.
func (s *Snapshot) File(id string) (NodeFile, bool) {
	for _, f := range s.Files {
		if f.ID == id {
			return f, true
		}
	}
	return NodeFile{}, false
}

// FileIDs are the subjects of checks of files.
func (s *Snapshot) FileIDs() []string {
	out := make([]string, 0, len(s.Files))
	for _, f := range s.Files {
		out = append(out, f.ID)
	}
	return out
}

// ofFile is a fact of one file.
func ofFile[T any](name string, field func(NodeFile) Observed[T]) Fact[T] {
	return Fact[T]{name, func(s *Snapshot, subject string) Observed[T] {
		f, ok := s.File(subject)
		if !ok {
			return NotKnown[T](NotAsked, "no file is called %q", subject)
		}
		return field(f)
	}}
}

// InEach is a fact of every file, by its ID; unknown where one is.
func InEach[T any](f Fact[T]) Fact[map[string]T] {
	return Fact[map[string]T]{f.Label + " in every file", func(s *Snapshot, _ string) Observed[map[string]T] {
		out := map[string]T{}
		for _, id := range s.FileIDs() {
			o := f.Of(s, id)
			v, ok := o.Get()
			if !ok {
				return Because[map[string]T](o)
			}
			out[id] = v
		}
		return Known(out)
	}}
}

// The facts of files, by the names of their keys.
var (
	FileName       = ofFile("name", func(f NodeFile) Observed[string] { return f.Name })
	FileScope      = ofFile("scope", func(f NodeFile) Observed[string] { return f.Scope })
	FileNamespace  = ofFile("namespace", func(f NodeFile) Observed[string] { return f.Namespace })
	FileGroup      = ofFile("citus.group", func(f NodeFile) Observed[string] { return f.Group })
	FileStore      = ofFile("the DCS", func(f NodeFile) Observed[NodeStore] { return f.Store })
	FileHTTPS      = ofFile("restapi.certfile", func(f NodeFile) Observed[bool] { return f.HTTPS })
	FileVerify     = ofFile("restapi.verify_client", func(f NodeFile) Observed[string] { return f.VerifyClient })
	FileClientCert = ofFile("ctl.certfile", func(f NodeFile) Observed[bool] { return f.ClientCertificate })
	FileDataDir    = ofFile("postgresql.data_dir", func(f NodeFile) Observed[string] { return f.DataDir })
	FileTags       = ofFile("tags", func(f NodeFile) Observed[Tags] { return f.Tags })
	FileParameters = ofFile("postgresql.parameters", func(f NodeFile) Observed[map[string]string] { return f.Parameters })
	FileDynamic    = ofFile(
		"the keys of the DCS's configuration",
		func(f NodeFile) Observed[[]string] { return f.ClusterKeys },
	)
	FileWatchdog = ofFile("watchdog.mode", func(f NodeFile) Observed[string] { return f.Watchdog })

	FileRESTLogin  = ofFile("restapi.authentication", func(f NodeFile) Observed[NodeLogin] { return f.RESTLogin })
	FileRESTClient = ofFile("ctl.authentication", func(f NodeFile) Observed[NodeLogin] { return f.RESTClient })
	FileSuperuser  = ofFile(
		"postgresql.authentication.superuser",
		func(f NodeFile) Observed[NodeLogin] { return f.Superuser },
	)
	FileReplication = ofFile(
		"postgresql.authentication.replication",
		func(f NodeFile) Observed[NodeLogin] { return f.Replication },
	)
	FileRewind = ofFile("postgresql.authentication.rewind", func(f NodeFile) Observed[NodeLogin] { return f.Rewind })

	FileRESTAddress = ofFile("restapi.connect_address", func(f NodeFile) Observed[HostPort] { return f.REST.Connect })
	FileSQLAddress  = ofFile("postgresql.connect_address", func(f NodeFile) Observed[HostPort] { return f.SQL.Connect })
	FileRESTListen  = ofFile("restapi.listen", func(f NodeFile) Observed[[]string] { return f.REST.Listen })
	FileSQLListen   = ofFile("postgresql.listen", func(f NodeFile) Observed[[]string] { return f.SQL.Listen })
	FileRESTPort    = ofFile("the port of restapi.listen", func(f NodeFile) Observed[int] { return f.REST.ListenPort })
	FileSQLPort     = ofFile("the port of postgresql.listen", func(f NodeFile) Observed[int] { return f.SQL.ListenPort })
)

// Where says where a key of a file stands, for a finding's question.
func (f NodeFile) Where(key string) string {
	if where, ok := f.At[key]; ok {
		return where + ", " + key
	}
	return f.Path + ", " + key + " (not there)"
}

// String is host:port, IPv6 in brackets.
func (a HostPort) String() string {
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(a.Port)
}
