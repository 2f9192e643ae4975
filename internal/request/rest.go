package request

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/internal/secure"
	"patroni-preflight/preflight"
)

// Switchover is the body of POST /switchover (patroni/api.py, do_POST_failover).
type Switchover struct {
	Leader      string `json:"leader"`
	Candidate   string `json:"candidate,omitempty"`
	ScheduledAt string `json:"scheduled_at,omitempty"`
}

// Leader is whom to ask, and as whom.
type Leader struct {
	// APIURL is the one of the member key.
	APIURL string
	// User and Password are sent where there are any.
	User, Password string
	TLS            secure.Client
	// Secure sends nothing over http: TLS is configured, and the password is in it.
	Secure bool
}

// REST asks the leader, once: a request whose answer is lost is never repeated.
func REST(ctx context.Context, leader Leader, body Switchover, show io.Writer) (r preflight.RequestResult) {
	r = preflight.RequestResult{Via: "rest", Began: time.Now().UTC(), Status: -1}
	out := newTee(show, leader.secrets())
	defer func() { r.Ended, r.Output = time.Now().UTC(), out.end() }()
	target, problem := leader.target()
	if problem != "" {
		r.Problem = problem
		return r
	}
	raw, err := json.Marshal(body)
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	r.Asked = fmt.Sprintf("POST %s %s", target, raw)
	resp, _, err := leader.post(ctx, target, raw)
	if err != nil {
		r.Problem = leader.secrets().Mask(without(err))
		return r
	}
	defer resp.Body.Close()
	r.Status = resp.StatusCode
	if resp.StatusCode < http.StatusOK {
		// With 101 net/http gives the connection away: no deadline ends a read of the body.
		r.Problem = fmt.Sprintf("HTTP status %d: this is not Patroni's REST API", resp.StatusCode)
		return r
	}
	_, _ = fmt.Fprintf(show, "HTTP %d: ", r.Status)
	if _, err := io.Copy(out, io.LimitReader(resp.Body, maxOutput)); err != nil {
		r.Problem = leader.secrets().Mask(without(err))
	}
	_, _ = io.WriteString(out, "\n")
	return r
}

func (l Leader) secrets() foreign.Secrets { return foreign.Login(l.User, l.Password) }

// target is where a switchover is asked for; problem says why nothing can be sent.
func (l Leader) target() (target *url.URL, problem string) {
	u, err := url.Parse(l.APIURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, "the api_url of the leader is not of the form http://host:port/patroni"
	}
	if u.Scheme == "http" && l.Secure {
		return nil, "nothing was sent: TLS is configured for the REST API (ctl, restapi), but the leader's api_url is http," +
			" without encryption"
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/switchover"}, ""
}

// post sends a body, once.
func (l Leader) post(ctx context.Context, target *url.URL, raw []byte) (*http.Response, *secure.Handshake, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(raw))
	if err != nil {
		return nil, nil, err
	}
	req.GetBody = nil // so that net/http does not send it a second time
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "patroni-preflight")
	if l.User != "" {
		req.SetBasicAuth(l.User, l.Password)
	}
	config, handshake := l.TLS.Config(target.Hostname())
	client := &http.Client{
		// As in patroniapi: the nodes ask each other without a proxy.
		Transport: &http.Transport{
			Proxy:             nil,
			DisableKeepAlives: true,
			TLSClientConfig:   config,
			DialContext:       (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	return resp, handshake, err
}

// without is an error in one line without the URL, which is named already.
func without(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return foreign.OneLine(err.Error(), maxProblem)
}
