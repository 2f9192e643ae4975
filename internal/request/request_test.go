package request

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patroni-preflight/internal/foreign"
)

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patronictl")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPatronictl(t *testing.T) {
	for _, c := range []struct {
		name, script    string
		status          int
		output, problem string
	}{
		{"well", `echo "$1 $NAME"; echo more >&2`, 0, "switchover demo\nmore\n", ""},
		{"an exit code", "echo Error: no; exit 1", 1, "Error: no\n", ""},
		{"killed", "echo begun; kill -9 $$", -1, "begun\n", "signal: killed"},
		{"very long", "yes 0123456789 | head -c 200000", 0, "0123456789\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var shown bytes.Buffer
			r := Patronictl(t.Context(), script(t, c.script), []string{"switchover"}, []string{"NAME=demo"}, nil, &shown)
			if r.Status != c.status || r.Problem != c.problem || !strings.HasPrefix(r.Output, c.output) ||
				r.Via != "patronictl" ||
				r.Ended.Before(r.Began) {
				t.Errorf("%.200v", r)
			}
			if len(r.Output) > maxOutput || !strings.HasPrefix(shown.String(), r.Output) ||
				c.name == "very long" && shown.Len() != 200000 {
				t.Errorf("kept %d bytes, shown %d", len(r.Output), shown.Len())
			}
			if !strings.HasSuffix(r.Asked, "patronictl switchover") {
				t.Errorf("asked %q", r.Asked)
			}
		})
	}
	if r := Patronictl(
		t.Context(),
		"/nonexistent/patronictl",
		nil,
		nil,
		nil,
		io.Discard,
	); r.Status != -1 ||
		!strings.Contains(r.Problem, "no such file") {
		t.Errorf("%+v", r)
	}
}

// TestPatronictlIsEnded: with its children, when nobody waits any more, and its
// output is shown before it ends.
func TestPatronictlIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	go func() {
		buf := make([]byte, 100)
		n, _ := read.Read(buf)
		if string(buf[:n]) != "begun\n" {
			t.Errorf("shown %q", buf[:n])
		}
		cancel()
		_, _ = io.Copy(io.Discard, read)
	}()
	began := time.Now()
	r := Patronictl(ctx, script(t, "echo begun; sleep 60; echo never"), nil, nil, nil, write)
	if time.Since(began) > 10*time.Second || r.Problem != "killed: it did not finish in time" || r.Output != "begun\n" {
		t.Errorf("after %s: %+v", time.Since(began), r)
	}
}

func TestREST(t *testing.T) {
	var got, auth string
	requests := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		raw, _ := io.ReadAll(r.Body)
		got, auth = r.Method+" "+r.URL.String()+" "+string(raw), r.Header.Get("Authorization")
		w.WriteHeader(412)
		_, _ = io.WriteString(w, "candidate does not exists")
	}))
	t.Cleanup(s.Close)
	var shown bytes.Buffer
	r := REST(
		t.Context(),
		Leader{APIURL: s.URL + "/patroni", User: "patroni", Password: "s3cret"},
		Switchover{Leader: "node1", Candidate: "node2", ScheduledAt: "2126-12-01T03:00:00+00:00"},
		&shown,
	)
	if got != `POST /switchover {"leader":"node1","candidate":"node2","scheduled_at":"2126-12-01T03:00:00+00:00"}` ||
		auth == "" ||
		requests != 1 {
		t.Errorf("sent %q, %q, %d times", got, auth, requests)
	}
	if r.Status != 412 || r.Output != "candidate does not exists\n" || shown.String() != "HTTP 412: "+r.Output ||
		r.Problem != "" ||
		strings.Contains(r.Asked, "s3cret") {
		t.Errorf("%+v", r)
	}
	if r := REST(
		t.Context(),
		Leader{APIURL: s.URL, Secure: true},
		Switchover{Leader: "node1"},
		&shown,
	); requests != 1 || r.Status != -1 ||
		!strings.Contains(r.Problem, "without encryption") {
		t.Errorf("%d requests, %+v", requests, r)
	}
	REST(t.Context(), Leader{APIURL: s.URL}, Switchover{Leader: "node1"}, &shown)
	if got != `POST /switchover {"leader":"node1"}` || auth != "" {
		t.Errorf("sent %q, %q", got, auth)
	}
}

// TestRESTFailures: each is told, none is tried again.
func TestRESTFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{}, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- struct{}{}
			_ = c.Close()
		}
	}()
	for name, c := range map[string]struct{ url, problem string }{
		"closed without an answer": {"http://" + l.Addr().String() + "/patroni", "EOF"},
		"another protocol":         {"ftp://127.0.0.1:8008/patroni", "not of the form"},
		"no certificate":           {"https://127.0.0.1:1/patroni", "connection refused"},
		"no URL":                   {"::", "not of the form"},
		"nothing listens":          {"http://127.0.0.1:1/patroni", "connection refused"},
	} {
		r := REST(t.Context(), Leader{APIURL: c.url}, Switchover{Leader: "node1"}, io.Discard)
		if r.Status != -1 ||
			!strings.Contains(r.Problem, c.problem) && !strings.Contains(r.Problem, "reset") &&
				!strings.Contains(r.Problem, "server closed") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	l.Close()
	if n := len(accepted); n != 1 {
		t.Errorf("sent %d times", n)
	}
	upgrade := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.Copy(io.Discard, c)
	}))
	t.Cleanup(upgrade.Close)
	began := time.Now()
	r := REST(t.Context(), Leader{APIURL: upgrade.URL}, Switchover{Leader: "node1"}, io.Discard)
	if r.Status != http.StatusSwitchingProtocols || !strings.Contains(r.Problem, "HTTP status 101") ||
		time.Since(began) > 5*time.Second {
		t.Errorf("%+v after %s", r, time.Since(began))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else nobody sees that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(hang.Close)
	if r := REST(
		ctx,
		Leader{APIURL: hang.URL},
		Switchover{Leader: "node1"},
		io.Discard,
	); r.Status != -1 ||
		!strings.Contains(r.Problem, "deadline") {
		t.Errorf("%+v", r)
	}
}

// TestPatronictlFallsBack: it is killed when it turns to the DCS, whatever it
// would do then, with each of its words.
func TestPatronictlFallsBack(t *testing.T) {
	for name, words := range map[string]string{
		"the exception": `printf '2026-11-25 03:00:00,000 - ERROR - None\nTraceback (most recent call last):\n' >&2`,
		"the warning":   `echo '2026-11-25 03:00:00,000 - WARNING - Failing over to DCS' >&2`,
		"the message":   `echo '2026-11-25 03:00:00.00000 Could not switchover using Patroni api, falling back to DCS'`,
	} {
		wrote := filepath.Join(t.TempDir(), "wrote")
		r := Patronictl(t.Context(), script(t, words+"; sleep 0.3; touch "+wrote), nil, nil, nil, io.Discard)
		if _, err := os.Stat(
			wrote,
		); err == nil || r.Status != -1 ||
			!strings.Contains(r.Problem, "writing the request to the DCS") {
			t.Errorf("%s: %+v, wrote: %v", name, r, err == nil)
		}
	}
	// With an exception of more than a page it cannot be quicker, however quick it is.
	for range 50 {
		wrote := filepath.Join(t.TempDir(), "wrote")
		r := Patronictl(
			t.Context(),
			script(
				t,
				`printf '2026-11-25 03:00:00,000 - ERROR - None\nTraceback (most recent call last):\n%08000d\n' 0 >&2; : >`+wrote,
			),
			nil,
			nil,
			nil,
			io.Discard,
		)
		if _, err := os.Stat(wrote); err == nil || !strings.Contains(r.Problem, "writing the request to the DCS") {
			t.Fatalf("%s, wrote: %v", r.Problem, err == nil)
		}
	}
	// Its other words do not end it.
	r := Patronictl(
		t.Context(),
		script(t, "echo '2026-11-25 03:00:00,000 - ERROR - Failed to get list of machines'; echo Successfully switched over"),
		nil,
		nil,
		nil,
		io.Discard,
	)
	if r.Status != 0 || r.Problem != "" {
		t.Errorf("%+v", r)
	}
}

func TestLeaderFlag(t *testing.T) {
	for _, c := range []struct{ name, script, want, why string }{
		{"since 4.0", "echo '  --leader, --primary TEXT  The name of the current leader'", "--leader", ""},
		{"3.0 to 3.3", "echo '  --leader, --primary, --master TEXT'", "--leader", ""},
		{"before 3.0", "echo '  --master TEXT     The name of the current master'", "--master", ""},
		{"broken", "echo 'ModuleNotFoundError: No module named patroni' >&2; exit 1", "", "No module named patroni"},
		{"another program", "echo hello", "", "hello"},
		{"killed, with the right word", "echo --leader; kill -9 $$", "", "killed"},
	} {
		got, err := LeaderFlag(
			t.Context(),
			script(t, `[ "$*" = "-c x switchover --help" ] || exit 3; `+c.script),
			[]string{"-c", "x"},
			nil,
		)
		if got != c.want || (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// TestAnswersAreCleaned: what a server or a program says reaches neither the terminal
// nor the document as it is, and a password that it repeats is masked.
func TestAnswersAreCleaned(t *testing.T) {
	const raw = "no such user admin:s3cret-pw \x1b[2J\x1b]52;c;cm0gLXJm\x07 \x7f\r\nBasic YWRtaW46czNjcmV0LXB3\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(401)
		_, _ = io.WriteString(w, raw)
	}))
	t.Cleanup(s.Close)
	var byREST, byProgram bytes.Buffer
	leader := Leader{APIURL: s.URL, User: "admin", Password: "s3cret-pw"}
	rest := REST(t.Context(), leader, Switchover{Leader: "node1"}, &byREST)
	file := filepath.Join(t.TempDir(), "answer")
	if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	program := Patronictl(
		t.Context(), script(t, "cat "+file), nil, nil, foreign.Login("admin", "s3cret-pw"), &byProgram)
	const want = "no such user admin:******** ?[2J?]52;c;cm0gLXJm? ?\nBasic ********\n"
	if rest.Output != want+"\n" || byREST.String() != "HTTP 401: "+rest.Output {
		t.Errorf("by REST: kept %q, shown %q", rest.Output, byREST.String())
	}
	if program.Output != want || byProgram.String() != want {
		t.Errorf("by patronictl: kept %q, shown %q", program.Output, byProgram.String())
	}
}

// TestRESTSwitchingProtocols: no deadline of net/http ends a read of such an answer.
func TestRESTSwitchingProtocols(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(io.Discard, c) // until the client closes
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := REST(t.Context(), Leader{APIURL: "http://" + l.Addr().String()}, Switchover{Leader: "node1"}, io.Discard)
		if r.Status != 101 || r.Problem == "" {
			t.Errorf("%+v", r)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("still waiting")
	}
}
