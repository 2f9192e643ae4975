package patroniapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

// patroni serves the two endpoints as Patroni does.
func patroni(t *testing.T, api http.HandlerFunc) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/patroni", api)
	mux.HandleFunc(
		"/liveness",
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestGet(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	s := patroni(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Method+" "+r.Host+r.URL.String()+" "+r.UserAgent()+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, primary)
	})
	host := strings.TrimPrefix(s.URL, "http://")
	before := time.Now()
	rest, live := New(Config{}).Get(t.Context(), "http://admin:canary@"+host+"/patroni?x=canary#canary")

	r, ok := rest.Get()
	if !ok || r.HTTPStatus != 503 || !fact.Equal(r.Name, "node1") || r.RemoteAddr != host {
		t.Errorf("answer %s, want node1 with status 503 from %s", asJSON(t, rest), host)
	}
	if !fact.Equal(live, 503) {
		t.Errorf("liveness %s, want 503", asJSON(t, live))
	}
	for want, stamp := range map[string]*fact.Stamp{
		"GET http://" + host + "/patroni":  rest.Stamp,
		"GET http://" + host + "/liveness": live.Stamp,
	} {
		if stamp == nil || stamp.Source != want || stamp.At.Before(before) || stamp.Seconds <= 0 || stamp.Seconds > 3 {
			t.Errorf("stamp %+v, want source %s", stamp, want)
		}
	}
	if len(seen) != 1 || seen[0] != "GET "+host+"/patroni patroni-preflight " {
		t.Errorf("the server saw %q", seen)
	}
	if all := asJSON(t, rest) + asJSON(t, live); strings.Contains(all, "canary") {
		t.Errorf("credentials in %s", all)
	}
}

// Patroni's nodes do not use a proxy from the environment; nor do we. net/http
// reads the variables once in a process, so setting them here would show nothing.
func TestGetUsesNoProxy(t *testing.T) {
	tr, ok := New(Config{}).client(nil).Transport.(getOnly).next.(*http.Transport)
	if !ok || tr.Proxy != nil {
		t.Error("the transport takes a proxy from the environment")
	}
}

func TestOnlyGetLeaves(t *testing.T) {
	called := 0
	s := patroni(t, func(http.ResponseWriter, *http.Request) { called++ })
	c := New(Config{}).client(nil)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "get"} {
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/patroni", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("%s was sent", method)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/patroni", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := c.Do(req); err == nil {
		resp.Body.Close()
		t.Error("GET with a body was sent")
	}
	if called != 0 {
		t.Errorf("the server was called %d times", called)
	}
}

func TestGetBadURLs(t *testing.T) {
	for u, want := range map[string]fact.Cause{
		"":                                 fact.NotAsked,
		"http://u:canary@[::1/patroni":     fact.Malformed,
		"http://u:canary@h:port/patroni":   fact.Malformed,
		"ftp://u:canary@127.0.0.1/patroni": fact.Malformed,
		"127.0.0.1:8008/patroni":           fact.Malformed,
		"http:///patroni":                  fact.Malformed,
		"http:canary":                      fact.Malformed,
		"https:///patroni":                 fact.Malformed,
	} {
		rest, live := New(Config{Timeout: time.Second}).Get(t.Context(), u)
		if rest.Cause() != want || live.Cause() != want {
			t.Errorf("%s: causes %q and %q, want %q", u, rest.Cause(), live.Cause(), want)
		}
		if all := rest.Reason() + live.Reason(); strings.Contains(all, "canary") {
			t.Errorf("%s: credentials in %q", u, all)
		}
	}
}

// raw serves connections by hand.
func raw(t *testing.T, serve func(net.Conn)) string {
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
	return "http://" + l.Addr().String() + "/patroni"
}

// after reads the request, then writes.
func after(write func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			write(c)
		}
	}
}

func stall(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// fullListener accepts no connection any more: its backlog is full, so that SYNs
// are dropped as by a firewall.
func fullListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	setBacklog(t, l.(*net.TCPListener), 0)
	for range 20 {
		c, err := net.DialTimeout("tcp", l.Addr().String(), 100*time.Millisecond)
		if err != nil {
			return "http://" + l.Addr().String() + "/patroni"
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the listener went on accepting connections")
	return ""
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String() + "/patroni"
}

func TestGetFailures(t *testing.T) {
	head := "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"
	tests := []struct {
		name, url string
		rest      fact.Cause
		live      fact.Cause
		reason    string
	}{
		{"refused", closedPort(t), fact.Refused, fact.Refused, "connection refused"},
		{"black hole", fullListener(t), fact.Unreached, fact.Unreached, "no connection within"},
		{"unresolved", "http://member.invalid:8008/patroni", fact.Unresolved, fact.Unresolved, "member.invalid"},
		{"frozen", raw(t, stall), fact.Silent, fact.Silent, "connected, but no answer within"},
		{"drip", raw(t, after(func(c net.Conn) {
			fmt.Fprint(c, head+"\r\n")
			for range 400 {
				if _, err := fmt.Fprint(c, " "); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})), fact.Silent, "", "was not complete within"},
		{"drip of the header", raw(t, after(func(c net.Conn) {
			for _, b := range []byte(head + strings.Repeat("X: y\r\n", 1000)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})), fact.Silent, fact.Silent, "no answer within"},
		{"hang up", raw(t, after(func(net.Conn) {})), fact.Failed, fact.Failed, "closed without an answer"},
		{"truncated", raw(t, after(func(c net.Conn) {
			fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(primary), primary[:40])
		})), fact.Malformed, "", "cut off after 40 bytes"},
		{"truncated without a length", raw(t, after(func(c net.Conn) {
			fmt.Fprintf(c, "%s\r\n%s", head, primary[:40])
		})), fact.Malformed, "", "is not JSON"},
		{"endless", raw(t, after(func(c net.Conn) {
			fmt.Fprint(c, head+"\r\n")
			for range 1 << 12 {
				if _, err := c.Write(make([]byte, 1<<14)); err != nil {
					return
				}
			}
		})), fact.Malformed, "", "longer than 1048576 bytes"},
		{"huge header", raw(t, after(func(c net.Conn) {
			fmt.Fprint(c, head)
			for range 1 << 12 {
				if _, err := fmt.Fprintf(c, "X: %s\r\n", strings.Repeat("y", 1<<10)); err != nil {
					return
				}
			}
		})), fact.Malformed, fact.Malformed, "header"},
		{
			"not HTTP",
			raw(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-\x1b[31mx\r\n"); stall(c) }),
			fact.Malformed,
			fact.Malformed,
			"not HTTP",
		},
		{"not JSON", raw(t, after(func(c net.Conn) { fmt.Fprint(c, head+"\r\n<html>") })), fact.Malformed, "", "is not JSON"},
		{"redirect", raw(t, after(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/patroni\r\n\r\n%s", primary)
		})), fact.Malformed, "", "a redirect"},
		{"switches protocols", raw(t, after(func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			stall(c)
		})), fact.Malformed, fact.Malformed, "HTTP status 101"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			rest, live := New(Config{Timeout: 400 * time.Millisecond}).Get(context.Background(), tt.url)
			if rest.Known() || rest.Cause() != tt.rest {
				t.Errorf("rest: known %v, cause %q, reason %q; want %q", rest.Known(), rest.Cause(), rest.Reason(), tt.rest)
			}
			if live.Cause() != tt.live {
				t.Errorf("liveness: cause %q, reason %q; want %q", live.Cause(), live.Reason(), tt.live)
			}
			r := rest.Reason()
			if !strings.HasPrefix(r, "GET "+tt.url+": ") || !strings.Contains(r, tt.reason) ||
				strings.ContainsAny(r, "\n\r\x1b") {
				t.Errorf("reason %q, want the question, and %q", r, tt.reason)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("took %s with a timeout of 0.4 s", took)
			}
			if rest.Stamp == nil || rest.Stamp.Source != "GET "+tt.url || rest.Stamp.At.IsZero() {
				t.Errorf("stamp %+v", rest.Stamp)
			}
		})
	}
}

func TestContextEndsTheRequest(t *testing.T) {
	u := raw(t, stall)
	for name, tt := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want fact.Cause
	}{
		"deadline": {func(c context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(c, 50*time.Millisecond)
		}, fact.Silent},
		"interrupt": {func(c context.Context) (context.Context, context.CancelFunc) {
			c, cancel := context.WithCancel(c)
			time.AfterFunc(50*time.Millisecond, cancel)
			return c, cancel
		}, fact.Failed},
		"over before it began": {func(c context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(c, time.Unix(0, 0))
		}, fact.Unreached},
	} {
		ctx, cancel := tt.end(context.Background())
		rest, live := New(Config{Timeout: time.Minute}).Get(ctx, u)
		cancel()
		if rest.Cause() != tt.want || live.Cause() != tt.want {
			t.Errorf("%s: causes %q and %q (%s), want %q", name, rest.Cause(), live.Cause(), rest.Reason(), tt.want)
		}
	}
}

// No goroutine and no connection may stay behind, whatever the member does.
func TestNothingStaysBehind(t *testing.T) {
	urls := []string{
		raw(t, stall), fullListener(t), closedPort(t),
		patroni(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, primary) }).URL + "/patroni",
	}
	c := New(Config{Timeout: 100 * time.Millisecond})
	before := clientGoroutines()
	for range 5 {
		for _, u := range urls {
			c.Get(context.Background(), u)
		}
	}
	left := before
	for range 100 {
		if left = clientGoroutines(); left <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d goroutines of the client are left, %d before", left, before)
}

// clientGoroutines counts what runs for net/http's client side and its dialler;
// the test servers' own goroutines come and go.
func clientGoroutines() int {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	n := 0
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(g, "http.(*persistConn)") || strings.Contains(g, "http.(*Transport)") ||
			strings.Contains(g, "net.(*Dialer)") {
			n++
		}
	}
	return n
}

// setBacklog calls listen(2) again, which changes the length of the queue.
func setBacklog(t *testing.T, l *net.TCPListener, n int) {
	t.Helper()
	c, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var again error
	if err := c.Control(func(fd uintptr) { again = syscall.Listen(int(fd), n) }); err != nil || again != nil {
		t.Fatalf("listen again: %v, %v", err, again)
	}
}
