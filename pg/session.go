package pg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"patroni-preflight/internal/secure"
	"patroni-preflight/preflight/fact"
)

const (
	// maxMessage bounds one message of the server and maxAnswer the answer to one
	// statement, in bytes; a row of pg_stat_replication has about 200.
	maxMessage = 1 << 20
	maxAnswer  = 4 << 20
	// closeTime is what a polite end of a session may cost.
	closeTime = 100 * time.Millisecond
)

// session is one member's connection and what came of it.
type session struct {
	source  string
	started time.Time
	user    string
	secret  string
	remote  string
	conn    *pgconn.PgConn
	// certificate is the server's.
	certificate fact.Observed[fact.Certificate]
	major       int

	progress   progress
	handshakes []*secure.Handshake
	// begun is whether a transaction was ever begun, open whether it still stands.
	begun, open bool
	// share says which part of the time that is left one statement may take; 0 is all.
	share time.Duration
	// why says why there is no session, or no answer to trust.
	why     *fact.Unknown
	answers map[string]answer
	// arrival is whether the leader's first sample arrived here.
	arrival fact.Observed[fact.Confirmation]
	// at is when the answers were complete, but for the late ones: it is compared
	// with the server's clock.
	at time.Time
}

// collect asks the parts in one round trip and keeps their answers.
func (s *session) collect(ctx context.Context, ps []part) {
	for i, a := range s.run(ctx, ps) {
		s.answers[ps[i].name] = a
	}
	s.at = time.Now()
}

// collectLate asks what the essential facts did not have to wait for. A
// statement may take a third of the time that is left, so that a slow one
// hides itself only.
func (s *session) collectLate(ctx context.Context) {
	s.share = 3
	at := s.at
	s.collect(ctx, lateParts(s.major, rightsOf(s.answers[rights])))
	s.at = at
}

// run asks the parts in one round trip. Where one fails, those after it are
// asked again without it, in a new transaction: an error aborts the old one.
func (s *session) run(ctx context.Context, ps []part) []answer {
	out := make([]answer, len(ps))
	for next := 0; next < len(ps); next++ {
		if s.why == nil {
			next += s.try(ctx, ps[next:], out[next:])
			continue
		}
		out[next].why = s.why
	}
	return out
}

// try asks the parts and fills in their answers, up to the first that fails. It
// returns how many succeeded. When nothing can be asked any more it sets s.why.
func (s *session) try(ctx context.Context, ps []part, out []answer) int {
	sql := s.prefix(ctx)
	for _, p := range ps {
		sql += p.sql + ";\n"
	}
	s.begun, s.open = true, true
	results := s.conn.Exec(ctx, sql)
	done := 0
	for results.NextResult() {
		r := results.ResultReader()
		isQuery := len(r.FieldDescriptions()) > 0
		if isQuery && done == len(ps) {
			s.give(malformed("%s: more answers than questions", s.source))
			return done
		}
		var p part
		if isQuery {
			p = ps[done]
		}
		rows, why := s.read(r, p)
		if why != nil {
			s.give(why)
			out[done].why = why
			return done
		}
		if _, err := r.Close(); err != nil {
			break
		}
		if isQuery {
			out[done].rows = rows
			done++
		}
	}
	err := results.Close()
	switch {
	case err == nil && done == len(ps):
		return done
	case err == nil:
		s.give(malformed("%s: no answer to the question for %s", s.source, ps[done].name))
		out[done].why = s.why
		return done
	case done == len(ps):
		// All answers are in; what failed came after them.
		s.give(s.failure(ctx, err, "after the last answer"))
		return done
	}
	out[done].why = s.failure(ctx, err, ps[done].name)
	s.open = false
	if s.conn.IsClosed() {
		s.why = out[done].why
	}
	return done
}

func (s *session) prefix(ctx context.Context) string {
	timeout := remaining(ctx) / max(1, s.share)
	switch {
	case s.open && s.share > 0:
		return timeoutSQL(timeout)
	case s.open:
		return ""
	case !s.begun:
		return beginSQL(timeout)
	}
	return "ROLLBACK;\n" + beginSQL(timeout)
}

// read takes the rows of one result within the limits. A statement that is no
// query (BEGIN, SET) has no rows and an empty part.
func (s *session) read(r *pgconn.ResultReader, p part) ([][]*string, *fact.Unknown) {
	var rows [][]*string
	size := 0
	for r.NextRow() {
		values := r.Values()
		if len(values) != p.columns {
			return nil, malformed("%s: %s gave %d columns, not %d", s.source, p.name, len(values), p.columns)
		}
		if len(rows) == p.most {
			return nil, malformed("%s: %s gave more than %d rows", s.source, p.name, p.most)
		}
		row := make([]*string, len(values))
		for i, v := range values {
			if v != nil {
				text := string(v)
				row[i] = &text
			}
			size += len(v)
		}
		if size > maxAnswer {
			return nil, malformed("%s: %s gave more than %d bytes", s.source, p.name, maxAnswer)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// give gives the session up.
func (s *session) give(why *fact.Unknown) {
	s.why = why
	s.conn.Conn().Close()
}

// end closes the connection and leaves nothing running: politely where the
// session is in order, at once where it is not. A frozen server is not waited for.
func (s *session) end(ctx context.Context) {
	if s.conn == nil {
		return
	}
	if s.why == nil && ctx.Err() == nil {
		polite, cancel := context.WithTimeout(ctx, closeTime)
		defer cancel()
		_ = s.conn.Close(polite)
	}
	s.conn.Conn().Close()
}

// observed is the member's fact: unknown where there was no session or not even
// its identity came, else known with whatever came.
func (s *session) observed() fact.Observed[fact.SQL] {
	if s.at.IsZero() {
		s.at = time.Now()
	}
	why := s.why
	if s.conn != nil {
		// A session that broke later still has the answers that came before.
		why = s.answers[identity].why
	}
	if why != nil {
		return fact.NotKnown[fact.SQL](why.Cause, "%s", why.Reason).
			Stamped(s.source, s.at, s.at.Sub(s.started))
	}
	facts, why := decode(s.user, s.major, s.answers)
	if why != nil {
		return fact.NotKnown[fact.SQL](why.Cause, "%s: %s", s.source, why.Reason).
			Stamped(s.source, s.at, s.at.Sub(s.started))
	}
	facts.RemoteAddr, facts.Certificate = s.remote, s.certificate
	facts.Arrived = s.arrival
	if s.arrival.Value == nil && s.arrival.Why == nil {
		facts.Arrived = fact.NotKnown[fact.Confirmation](fact.Absent, "this is the leader")
	}
	notTwice := fact.NotKnown[fact.LSN](fact.Absent, "only the leader is sampled twice")
	facts.FlushLSNAfter, facts.FlushLSNAfterAt = notTwice, fact.Because[time.Time](notTwice)
	return fact.Known(facts).Stamped(s.source, s.at, s.at.Sub(s.started))
}
