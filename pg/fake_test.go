package pg

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// fake is a PostgreSQL server that answers from a table.
type fake struct {
	// version is the parameter server_version.
	version string
	// login replaces the usual AuthenticationOk; false ends the connection.
	login func(*pgproto3.Backend, net.Conn) bool
	// rows are the answers by the name of the part.
	rows map[string][][]any
	// before runs before a part is answered; false means that it was answered.
	before func(part string, b *pgproto3.Backend, c net.Conn) bool

	url  string
	mu   sync.Mutex
	sent []string // the statements that came, in order
}

func (f *fake) statements() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.sent...)
}

func (f *fake) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, what)
}

// listen calls serve for each connection, which is closed after 20 s at most.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				serve(c)
			})
		}
	})
	return fmt.Sprintf("postgres://%s/postgres", l.Addr())
}

func (f *fake) start(t *testing.T) *fake {
	t.Helper()
	f.url = listen(t, f.serve)
	return f
}

// startup answers SSLRequest with no, and returns at the startup message.
func startup(b *pgproto3.Backend, c net.Conn) (map[string]string, bool) {
	for {
		m, err := b.ReceiveStartupMessage()
		if err != nil {
			return nil, false
		}
		switch m := m.(type) {
		case *pgproto3.SSLRequest:
			if _, err := c.Write([]byte("N")); err != nil {
				return nil, false
			}
		case *pgproto3.StartupMessage:
			return m.Parameters, true
		case *pgproto3.CancelRequest:
			return map[string]string{"cancel": "yes"}, false
		default:
			return nil, false
		}
	}
}

func (f *fake) serve(c net.Conn) {
	b := pgproto3.NewBackend(c, c)
	params, ok := startup(b, c)
	if !ok {
		if params["cancel"] != "" {
			f.note("cancel")
		}
		return
	}
	f.note(fmt.Sprintf("login %s %s %s", params["user"], params["database"], params["application_name"]))
	if f.login != nil && !f.login(b, c) {
		return
	}
	version := f.version
	if version == "" {
		version = "15.20 (Debian 15.20-0+deb12u1)"
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: version})
	b.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"})
	b.Send(&pgproto3.BackendKeyData{ProcessID: 7, SecretKey: []byte{1, 2, 3, 4}})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if b.Flush() != nil {
		return
	}
	aborted := false
	for {
		m, err := b.Receive()
		if err != nil {
			return
		}
		q, ok := m.(*pgproto3.Query)
		if !ok { // Terminate, or what we never send
			f.note(fmt.Sprintf("%T", m))
			return
		}
		if !f.query(q.String, b, c, &aborted) {
			return
		}
	}
}

// query answers one simple query, statement by statement, up to the first error.
// As in PostgreSQL, an error aborts the transaction until ROLLBACK.
func (f *fake) query(text string, b *pgproto3.Backend, c net.Conn, aborted *bool) bool {
	for stmt := range strings.SplitSeq(strings.TrimSpace(text), ";\n") {
		stmt = strings.TrimSuffix(stmt, ";")
		f.note(stmt)
		name := partName(stmt)
		switch {
		case stmt == "ROLLBACK":
			*aborted = false
		case *aborted:
			b.Send(serverError("ERROR", "25P02", "current transaction is aborted", "exec_simple_query"))
		case name != "" && f.before != nil && !f.before(name, b, c):
			*aborted = true
		}
		if *aborted {
			break
		}
		if name == "" {
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SET")})
		} else {
			sendRows(b, f.rows[name])
		}
	}
	status := byte('T')
	if *aborted {
		status = 'E'
	}
	b.Send(&pgproto3.ReadyForQuery{TxStatus: status})
	return b.Flush() == nil
}

func sendRows(b *pgproto3.Backend, rows [][]any) {
	columns := 1
	if len(rows) > 0 {
		columns = len(rows[0])
	}
	b.Send(&pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, columns)})
	for _, r := range rows {
		b.Send(&pgproto3.DataRow{Values: values(r)})
	}
	b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
}

func values(row []any) [][]byte {
	var out [][]byte
	for _, v := range row {
		if v == nil {
			out = append(out, nil)
			continue
		}
		out = append(out, []byte(fmt.Sprint(v))) // never nil, which would be NULL
	}
	return out
}

func partName(stmt string) string {
	for major := 10; major <= 18; major++ {
		for _, p := range allParts(major) {
			if p.sql == stmt {
				return p.name
			}
		}
	}
	return ""
}

func allParts(major int) []part {
	ps := append([]part{sampleView.part(major)}, steadyParts(major)...)
	ps = append(ps, confirmationsView.part(major), arrivalsView.part(major))
	return append(append(ps, movingParts(major)...), lateParts(major, allowed{ready: true, hba: true})...)
}

func serverError(severity, code, message, routine string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{
		Severity: severity, SeverityUnlocalized: severity, Code: code, Message: message, Routine: routine,
	}
}

const (
	start = "1795383356224045" // 2026-11-22 21:35:56.224045 UTC
	clock = "1795383400000001"
	// earlier is 250 ms before clock.
	earlier = "1795383399750001"
	system  = "7711112722059603650"
)

// primaryRows and standbyRows are what a pg_monitor of PostgreSQL 15 sees.
func primaryRows() map[string][][]any {
	return map[string][][]any{
		identity:  {{"monitor", "t", "t", "150020", "f", start}},
		control:   {{system, "3", "0/4000028", earlier}},
		rights:    {{"app", "t", "f"}},
		settings:  {{"port", "5432"}, {"wal_sender_timeout", "60000"}},
		conninfo:  {{""}},
		sample:    {{"0/5000000", nil, earlier}},
		positions: {{"0/5000000", "00000004", nil, nil, nil, clock}},
		senders: {
			{
				"12",
				"replicator",
				"two",
				"10.0.0.8",
				"streaming",
				"0/5000000",
				"0/5000000",
				"0/4FFFFFF",
				"0/4FFFF00",
				"async",
				clock,
			},
			{"11", "replicator", "two", nil, "startup", nil, nil, nil, nil, "async", nil},
			{"13", "backup", "", "10.0.0.9", "backup", "0/0", nil, nil, nil, "async", nil},
		},
		confirmations: {{"12", "0/5000000", "0/5000000", "0/5000000", clock}},
		receiver:      {},
		slots: {
			{"two", "physical", nil, nil, "t", "12", "f", "0/4FFFF00", nil, "f", "reserved", nil, "f", "f"},
			{"cdc", "logical", "pgoutput", "app", "f", nil, "f", "0/4000000", "0/4000100", "t", "extended", nil, "f", "f"},
			{"old", "physical", nil, nil, "f", nil, "f", nil, nil, "f", nil, nil, "f", "f"},
		},
		archiver:   {{"7", earlier, "2", "000000040000000000000004", clock}},
		ready:      {{"3"}},
		activity:   {{"5", "2", "61", "7", "1", "0", "0", "f", "2", "9"}},
		roles:      {{"replicator", "t", "t", "f", nil}, {"postgres", "t", "t", "t", clock}},
		extensions: {{"plpgsql", "1.0"}, {"postgis", "3.4.0"}},
		subscriptions: {
			{"orders", "shop", "t", "orders"}, {"old", "app", "f", nil},
		},
		available:  {{"plpgsql", "t", "t"}, {"postgis", "f", "t"}},
		collations: {{"app", nil, "2.35", "2.36"}, {nil, "pg_catalog.de-x-icu", "153.112", "153.120"}},
		collation:  {{"2.36"}},
		unlogged:   {{"4"}},
		hba: {
			{"90", "local", `["all"]`, `["all"]`, nil, nil, "peer", nil},
			{"95", "host", `["replication","a b"]`, `["replicator","+dba"]`, "10.0.0.0", "255.0.0.0", "scram-sha-256", nil},
			{"97", nil, nil, nil, nil, nil, nil, "end-of-line before authentication method"},
		},
	}
}

func standbyRows() map[string][][]any {
	return map[string][][]any{
		identity:  {{"monitor", "t", "t", "150020", "t", start}},
		control:   {{system, "3", "0/4000028", earlier}},
		rights:    {{"app", "t", "f"}},
		settings:  {{"port", "5432"}, {"hot_standby_feedback", "on"}},
		conninfo:  {{"user=replicator host=10.0.0.7 application_name=two"}},
		sample:    {{nil, "0/4000000", earlier}},
		positions: {{nil, nil, "0/4FFFFFF", "0/4FFFF00", "f", clock}},
		slots:     {},
		archiver:  {{"0", nil, "0", nil, nil}},
		ready:     {{"0"}},
		activity:  {{"0", "0", nil, nil, "0", "0", "0", "f", "0", nil}},
		roles:     {{"replicator", "t", "t", "f", nil}},
		collation: {{"2.36"}},
		unlogged:  {{"4"}},
		senders:   {},
		arrivals:  {{"0/5000000", "0/4FFFF00"}},
		receiver:  {{"99", "streaming", "4", "10.0.0.7", "5432", "two", clock, "0/4FFFFFF"}},
	}
}
