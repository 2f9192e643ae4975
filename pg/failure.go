package pg

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// connectFailure says why there is no session. pgx's errors hold the password;
// only texts of the server and of the network leave here.
func (s *session) connectFailure(ctx context.Context, err error) *fact.Unknown {
	var ce *pgconn.ConnectError
	if errors.As(err, &ce) {
		err = ce.Unwrap()
	}
	after := time.Since(s.started).Round(time.Millisecond)
	var pgErr *pgconn.PgError
	var dns *net.DNSError
	switch {
	case errors.As(err, &pgErr):
		return s.refusal(pgErr)
	case errors.Is(context.Cause(ctx), context.Canceled):
		return s.unknown(fact.Failed, "interrupted after %s", after)
	case errors.As(err, &dns):
		return s.unknown(fact.Unresolved, "the name %s was not resolved: %s", dns.Name, dns.Err)
	case timedOut(ctx, err) && s.progress.connected.Load():
		return s.unknown(fact.Silent, "connected, but no complete answer within %s", after)
	case timedOut(ctx, err):
		return s.unknown(fact.Unreached, "no connection within %s", after)
	case errors.Is(err, syscall.ECONNREFUSED) && !s.progress.connected.Load():
		return s.unknown(fact.Refused, "connection refused")
	case !s.progress.connected.Load():
		return s.unknown(fact.Unreached, "no connection: %v", err)
	case s.ofTLS(err) != "":
		return s.unknown(fact.TLS, "%s", s.ofTLS(err))
	case strings.Contains(err.Error(), strconv.Quote(noClearText)):
		return s.unknown(
			fact.Denied,
			"the server asks for the password in clear text, and the session may be without TLS: nothing was sent. Give "+
				"sslmode verify-full (or require), or let the role log in with scram-sha-256 in pg_hba.conf there",
		)
	case closed(err):
		return s.unknown(fact.Failed, "the server closed the connection without an answer: %v", err)
	case !s.progress.negotiated.Load():
		return s.unknown(fact.TLS, "no TLS session: %v", err)
	}
	return s.unknown(fact.Malformed, "this is not PostgreSQL's protocol: %v", err)
}

// refusal is an error of the server while connecting, by its SQLSTATE
// (PostgreSQL documentation, appendix A).
func (s *session) refusal(e *pgconn.PgError) *fact.Unknown {
	said := e.Error()
	switch {
	case e.Code == "28P01" && s.secret == "":
		return s.unknown(fact.Denied, "%s; no password was given: set PGPASSWORD or the password file", said)
	case e.Code == "28P01":
		return s.unknown(fact.Denied, "%s; check the password of role %s", said, s.user)
	case e.Code == "28000" && (e.Routine == "ClientAuthentication" || strings.Contains(e.Message, "pg_hba.conf")):
		return s.unknown(fact.Denied, "%s; add to pg_hba.conf there: %s", said, hbaLine(s.user, e.Message))
	case strings.HasPrefix(e.Code, "28"), e.Code == "42501":
		return s.unknown(fact.Denied, "%s", said)
	}
	return s.unknown(fact.Failed, "%s", said)
}

var hbaHost = regexp.MustCompile(`"([0-9A-Fa-f.:]+)(%[^"]*)?"`)

// hbaLine is the line that lets the role in. The client's address is the one
// that the server saw, as its message gives it.
func hbaLine(user, message string) string {
	client := "<address of this machine>"
	if m := hbaHost.FindStringSubmatch(message); m != nil {
		if ip := net.ParseIP(m[1]); ip != nil {
			client = m[1] + "/32"
			if ip.To4() == nil {
				client = m[1] + "/128"
			}
		}
	}
	kind, otherwise := "host", ""
	switch {
	case strings.Contains(message, "SSL encryption"): // the server had TLS
		kind = "hostssl"
	case strings.Contains(message, "no encryption"):
		otherwise = ", or give sslmode require or more, where a hostssl rule is there for it"
	}
	return kind + " all " + ident(user) + " " + client + " scram-sha-256" + otherwise
}

// failure says why a part of an established session has no answer.
func (s *session) failure(ctx context.Context, err error, what string) *fact.Unknown {
	after := time.Since(s.started).Round(time.Millisecond)
	var pgErr *pgconn.PgError
	var tooLong *pgproto3.ExceededMaxBodyLenErr
	switch {
	case errors.As(err, &pgErr):
		cause := fact.Failed
		switch pgErr.Code {
		case "42501": // insufficient_privilege
			cause = fact.Privilege
		case "42883", "42P01", "42703", "0A000": // no such function, table, column; not supported
			cause = fact.Unsupport
		}
		return s.unknown(cause, "%s: %s", what, pgErr.Error())
	case errors.Is(context.Cause(ctx), context.Canceled):
		return s.unknown(fact.Failed, "%s: interrupted after %s", what, after)
	case timedOut(ctx, err):
		return s.unknown(fact.Silent, "%s: connected, but no complete answer within %s", what, after)
	case errors.As(err, &tooLong):
		return s.unknown(fact.Malformed, "%s: a message of %d bytes, more than %d", what, tooLong.ActualBodyLen, maxMessage)
	case closed(err), errors.Is(err, pgconn.ErrConnClosed) && s.progress.hungUp.Load():
		return s.unknown(fact.Failed, "%s: the server closed the connection: %v", what, err)
	}
	if errors.Is(err, pgconn.ErrConnClosed) {
		return s.unknown(fact.Malformed, "%s: a message that is not of PostgreSQL's protocol", what)
	}
	return s.unknown(fact.Malformed, "%s: this is not PostgreSQL's protocol: %v", what, err)
}

// unknown makes a reason that names the session and holds no password: a server
// that was sent one in clear text could repeat it.
func (s *session) unknown(c fact.Cause, format string, args ...any) *fact.Unknown {
	text := fmt.Sprintf(format, args...)
	// A password that is the role's name is no secret that a mask would keep, and the
	// line to add to pg_hba.conf needs the name.
	if s.secret != "" && s.secret != s.user {
		text = strings.ReplaceAll(text, s.secret, "********")
	}
	return &fact.Unknown{Cause: c, Reason: s.source + ": " + foreign.OneLine(text, maxReason)}
}

func malformed(format string, args ...any) *fact.Unknown {
	return &fact.Unknown{Cause: fact.Malformed, Reason: fmt.Sprintf(format, args...)}
}

func timedOut(ctx context.Context, err error) bool {
	var n net.Error
	return ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &n) && n.Timeout())
}

// ofTLS says what failed in the handshake, which Go does with the first write: a
// certificate that does not verify, or an alert of the server. It is "" for any
// other error, an answer that is no TLS at all among them. pgx has a
// configuration for each host, of which one failed.
func (s *session) ofTLS(err error) string {
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		return ""
	}
	for _, h := range s.handshakes {
		if why := h.Explain(err); why != "" {
			return why
		}
	}
	return ""
}

func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}
