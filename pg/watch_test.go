package pg

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// recovering is a server that answers whether it is in recovery, by turns: t, f, or
// x, which ends the session. The last one stays.
func recovering(t *testing.T, turns string, sessions *atomic.Int32) string {
	t.Helper()
	var asked atomic.Int32
	return listen(t, func(c net.Conn) {
		b := pgproto3.NewBackend(c, c)
		if _, ok := startup(b, c); !ok {
			return
		}
		sessions.Add(1)
		b.Send(&pgproto3.AuthenticationOk{})
		b.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "17.2"})
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		if b.Flush() != nil {
			return
		}
		for {
			m, err := b.Receive()
			if err != nil {
				return
			}
			if q, ok := m.(*pgproto3.Query); !ok || q.String != "SELECT pg_is_in_recovery()" {
				return
			}
			turn := turns[min(int(asked.Add(1)), len(turns))-1]
			if turn == 'x' {
				return
			}
			b.Send(
				&pgproto3.RowDescription{
					Fields: []pgproto3.FieldDescription{{Name: []byte("pg_is_in_recovery"), DataTypeOID: 16, DataTypeSize: 1}},
				},
			)
			b.Send(&pgproto3.DataRow{Values: [][]byte{{turn}}})
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			if b.Flush() != nil {
				return
			}
		}
	})
}

// TestWatch: who answers that it is not in recovery is told, through ends of
// sessions, and one that says nothing keeps nobody waiting.
func TestWatch(t *testing.T) {
	var one, two atomic.Int32
	frozen := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	targets := []Target{
		{"one", recovering(t, "ffxft", &one)},
		{"two", recovering(t, "ttttttttttttttttttttf", &two)},
		{"frozen", frozen},
		{"gone", "postgres://127.0.0.1:1/postgres"},
		{"odd", "odd://"},
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told []string
	began := time.Now()
	Watch(ctx, Config{User: "preflight"}, targets, 10*time.Millisecond, func(member string, at time.Time) {
		told = append(told, member)
		if at.Before(began) || at.After(time.Now()) {
			t.Errorf("told of %s", at)
		}
		if member == "two" {
			cancel()
		}
	})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it ended after %s", took)
	}
	count := map[string]int{}
	for _, m := range told {
		count[m]++
	}
	if count["one"] != 3 || count["two"] == 0 || len(count) != 2 || one.Load() != 2 || two.Load() != 1 {
		t.Errorf("told %v, sessions %d and %d", told, one.Load(), two.Load())
	}
}
