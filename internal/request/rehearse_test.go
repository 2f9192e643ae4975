package request

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

// TestRehearse: the request is one POST /switchover whose body is an empty list, with the
// login of the real one; what is no answer of Patroni to it leaves the login unknown.
func TestRehearse(t *testing.T) {
	const refused = "no such user admin:s3cret-pw\x1b[2J\n"
	for _, c := range []struct {
		name     string
		status   int
		location string
		known    bool
	}{
		{"the login is accepted", http.StatusBadRequest, "", true},
		{"the login is refused", http.StatusUnauthorized, "", true},
		{"the machine is refused", http.StatusForbidden, "", true},
		{"a redirect", http.StatusTemporaryRedirect, "/elsewhere", false},
		{"accepted", http.StatusOK, "", false},
		{"scheduled", http.StatusAccepted, "", false},
		{"no such method", http.StatusNotImplemented, "", false},
		{"a length is wanted", http.StatusLengthRequired, "", false},
		{"unavailable", http.StatusServiceUnavailable, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var requests atomic.Int32
			var got, login string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				raw, _ := io.ReadAll(r.Body)
				got = r.Method + " " + r.URL.String() + " " + string(raw)
				if r.ContentLength != int64(len(nothing)) {
					t.Errorf("content-length %d", r.ContentLength)
				}
				user, password, _ := r.BasicAuth()
				login = user + ":" + password
				if c.location != "" {
					w.Header().Set("Location", c.location)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, refused)
			}))
			t.Cleanup(s.Close)
			o := Rehearse(t.Context(), Leader{APIURL: s.URL + "/patroni", User: "admin", Password: "s3cret-pw"})
			if got != "POST /switchover []" || login != "admin:s3cret-pw" || requests.Load() != 1 {
				t.Errorf("sent %q as %q, %d times", got, login, requests.Load())
			}
			if o.Known() != c.known || o.Stamp == nil || !strings.HasSuffix(o.Stamp.Source, "/switchover []") {
				t.Fatalf("%+v", o)
			}
			a := o.OrZero()
			if c.known && (a.HTTPStatus != c.status || !a.LoggedIn || a.From == "") {
				t.Errorf("%+v", a)
			}
			if c.known && c.status != http.StatusBadRequest && a.Text != "no such user admin:******** [2J" {
				t.Errorf("text %q", a.Text)
			}
			if !c.known && o.Cause() != fact.Malformed {
				t.Errorf("unknown because %s: %s", o.Cause(), o.Reason())
			}
		})
	}
}

// TestRehearseEnds: by its deadline, whatever answers; and what cannot be sent is not.
func TestRehearseEnds(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(hang.Close)
	drip := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}))
	t.Cleanup(drip.Close)
	upgrade, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { upgrade.Close() })
	go func() {
		if c, err := upgrade.Accept(); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	for _, c := range []struct {
		name   string
		leader Leader
		cause  fact.Cause
	}{
		{"no answer", Leader{APIURL: hang.URL}, fact.Silent},
		{"an answer without an end", Leader{APIURL: drip.URL}, ""},
		{"101", Leader{APIURL: "http://" + upgrade.Addr().String()}, fact.Malformed},
		{"nothing listens", Leader{APIURL: "http://127.0.0.1:1/patroni"}, fact.Refused},
		{"not a URL", Leader{APIURL: "::"}, fact.NotAsked},
		{"a password without encryption", Leader{APIURL: hang.URL, Secure: true}, fact.NotAsked},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		began := time.Now()
		o := Rehearse(ctx, c.leader)
		cancel()
		if o.Cause() != c.cause || time.Since(began) > 3*time.Second {
			t.Errorf("%s: after %s: %s, %s", c.name, time.Since(began), o.Cause(), o.Reason())
		}
	}
}
