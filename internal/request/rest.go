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
	hide := foreign.Login(leader.User, leader.Password)
	out := newTee(show, hide)
	defer func() { r.Ended, r.Output = time.Now().UTC(), out.end() }()
	u, err := url.Parse(leader.APIURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		r.Problem = "the api_url of the leader is not of the form http://host:port/patroni"
		return r
	}
	if u.Scheme == "http" && leader.Secure {
		r.Problem = "nothing was sent: TLS is configured for the REST API (ctl, restapi), but the leader's api_url is http," +
			" without encryption"
		return r
	}
	target := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/switchover"}
	raw, err := json.Marshal(body)
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	r.Asked = fmt.Sprintf("POST %s %s", target.String(), raw)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(raw))
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	req.GetBody = nil // so that net/http does not send it a second time
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "patroni-preflight")
	if leader.User != "" {
		req.SetBasicAuth(leader.User, leader.Password)
	}
	config, _ := leader.TLS.Config(u.Hostname())
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
	if err != nil {
		r.Problem = hide.Mask(without(err))
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
	if r.Status < http.StatusOK {
		// net/http hands the connection over with 101, and then no deadline ends a read of it.
		r.Problem = "this is not the answer of Patroni's REST API"
		_, _ = io.WriteString(out, "\n")
		return r
	}
	if _, err := io.Copy(out, io.LimitReader(resp.Body, maxOutput)); err != nil {
		r.Problem = hide.Mask(without(err))
	}
	_, _ = io.WriteString(out, "\n")
	return r
}

// without is an error in one line without the URL, which is named already.
func without(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return foreign.OneLine(err.Error(), maxProblem)
}
