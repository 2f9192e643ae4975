package request

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"time"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// nothing is the body of a rehearsal. Patroni checks who asks, then reads the body, and
// refuses everything but an object with 400, before it does anything else
// (patroni/api.py, check_access and _read_json_content, in do_POST_failover).
const nothing = "[]"

// maxAnswer bounds what is read of the answer, and maxShown what is kept, in characters.
const (
	maxAnswer = 1 << 10
	maxShown  = 100
)

// NotRehearsed says why POST /switchover with an empty list is not sent to a release, ""
// where that is harmless. From 2.1.0 on Patroni checks who asks and reads the body before
// it does anything else, and answers 400 to every body but an object: api.py, check_access
// and _read_json_content, read in each release up to 4.1.4 and in the branch of 4.2.0.
func NotRehearsed(version string) string {
	switch {
	case version == "":
		return "the release of its Patroni is not known"
	case fact.OlderThan(version, 2, 1, 0), !fact.OlderThan(version, 4, 3, 0):
		return fmt.Sprintf("it is not known what Patroni %s answers to it", version)
	}
	return ""
}

// Rehearse sends a switchover that cannot take place to a member, with the login of the
// real one. It is known whether Patroni takes the login, or unknown with the reason.
func Rehearse(ctx context.Context, member Leader) fact.Observed[fact.RequestAnswer] {
	began := time.Now()
	target, problem := member.target()
	if problem != "" {
		return fact.NotKnown[fact.RequestAnswer](fact.NotAsked, "%s", problem)
	}
	asked := "POST " + target.String() + " " + nothing
	failed := func(c fact.Cause, reason string) fact.Observed[fact.RequestAnswer] {
		text := foreign.OneLine(member.secrets().Mask(reason), maxProblem)
		return fact.NotKnown[fact.RequestAnswer](c, "%s: %s", asked, text).Stamped(asked, time.Now(), time.Since(began))
	}
	a := fact.RequestAnswer{LoggedIn: member.User != ""}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { a.From = i.Conn.LocalAddr().String() }}
	resp, handshake, err := member.post(httptrace.WithClientTrace(ctx, trace), target, []byte(nothing))
	if err != nil {
		why := ""
		if handshake != nil {
			why = handshake.Explain(err)
		}
		switch {
		case ctx.Err() != nil:
			return failed(fact.Silent, "no complete answer: "+context.Cause(ctx).Error())
		case why != "":
			return failed(fact.TLS, why)
		case errors.Is(err, syscall.ECONNREFUSED):
			return failed(fact.Refused, without(err))
		}
		return failed(fact.Failed, without(err))
	}
	defer resp.Body.Close()
	a.HTTPStatus = resp.StatusCode
	switch a.HTTPStatus {
	case http.StatusBadRequest:
		return fact.Known(a).Stamped(asked, time.Now(), time.Since(began))
	case http.StatusUnauthorized, http.StatusForbidden:
	default:
		return failed(fact.Malformed, fmt.Sprintf(
			"HTTP status %d, which Patroni does not answer here", a.HTTPStatus))
	}
	// The status decides; of a text that does not arrive nothing is kept.
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	a.Text = foreign.OneLine(member.secrets().Mask(strings.TrimSpace(string(raw))), maxShown)
	return fact.Known(a).Stamped(asked, time.Now(), time.Since(began))
}
