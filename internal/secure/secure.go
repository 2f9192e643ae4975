// Package secure is TLS as this tool's clients speak it: with etcd, and with
// Patroni's REST API. It reads certificates and keys, makes a configuration for
// one connection, and says what became of the handshake.
package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"patroni-preflight/preflight/fact"
)

// Client is how one kind of server is spoken to. The zero value verifies by the
// system's CAs and shows no certificate.
type Client struct {
	// Roots are the CAs; nil stands for the system's.
	Roots *x509.CertPool
	// Certificate is shown to a server that asks for one; nil for none.
	Certificate *tls.Certificate
	// NoVerify takes every server for what it says it is, AnyName every one that
	// has a certificate of the CAs.
	NoVerify, AnyName bool
	// CAKey and CertKey are what the keys of CA and client certificate are called
	// in the configuration, for the remedies.
	CAKey, CertKey string
}

// Handshake is what is known of one connection's handshake. Its methods may be
// called side by side.
type Handshake struct {
	host, caKey, certKey string
	certificate          *tls.Certificate

	mu    sync.Mutex
	asked bool              // the server asked for a client certificate
	shown *x509.Certificate // the server's own
}

// Config returns the configuration for a connection to a host, by name or
// address, and what will tell how the handshake went.
func (c Client) Config(host string) (*tls.Config, *Handshake) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            c.Roots,
		ServerName:         host,
		InsecureSkipVerify: c.NoVerify || c.AnyName,
	}
	if c.Certificate != nil {
		config.Certificates = []tls.Certificate{*c.Certificate}
	}
	if c.AnyName && !c.NoVerify {
		config.VerifyConnection = c.verifyChain
	}
	return config, Watch(config, host, c.CAKey, c.CertKey)
}

// Watch follows the handshakes of a configuration that somebody else made, and
// keeps what verifies there. The keys are what CA and client certificate are
// called, for the remedies.
func Watch(config *tls.Config, host, caKey, certKey string) *Handshake {
	h := &Handshake{host: host, caKey: caKey, certKey: certKey}
	if len(config.Certificates) > 0 {
		h.certificate = &config.Certificates[0]
	}
	config.GetClientCertificate = h.present
	verify := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		h.saw(state.PeerCertificates)
		if verify != nil {
			return verify(state)
		}
		return nil
	}
	return h
}

// verifyChain is the usual verification without the name.
func (c Client) verifyChain(state tls.ConnectionState) error {
	opts := x509.VerifyOptions{Roots: c.Roots, Intermediates: x509.NewCertPool()}
	for _, cert := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(opts)
	return err
}

// present answers a server that asks for a client certificate.
func (h *Handshake) present(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = true
	if h.certificate == nil {
		return &tls.Certificate{}, nil
	}
	return h.certificate, nil
}

// saw keeps the server's certificate.
func (h *Handshake) saw(chain []*x509.Certificate) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(chain) > 0 {
		h.shown = chain[0]
	}
}

// Certificate is what the server showed, also where it does not verify; unknown
// where there was no handshake.
func (h *Handshake) Certificate() fact.Observed[fact.Certificate] {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shown == nil {
		return fact.NotKnown[fact.Certificate](fact.NotAsked, "%s showed no certificate", h.host)
	}
	return fact.Known(fact.Certificate{
		Host: h.host, Names: Names(h.shown), Matches: h.shown.VerifyHostname(h.host) == nil, Issuer: h.shown.Issuer.String(),
		NotBefore: h.shown.NotBefore.UTC(), NotAfter: h.shown.NotAfter.UTC(),
	})
}

// Explain says in one line what went wrong, with the remedy; "" where the error
// is none of TLS. With TLS 1.3 a server refuses a client only after the
// handshake, so that errors of the connection belong here too, as long as nothing
// came over it: the alert may be lost when the server resets the connection.
func (h *Handshake) Explain(err error) string {
	var (
		header  tls.RecordHeaderError
		network *net.OpError
	)
	if why := h.distrust(err, time.Now()); why != "" {
		return why
	}
	switch {
	case errors.As(err, &header):
		return "does not speak TLS: is this a port without it?"
	case errors.As(err, &network) && network.Op == "remote error": // how crypto/tls gives an alert
		return h.refused(network.Err.Error())
	case h.Asked() && ended(err):
		return h.refused("it closed the connection")
	case err != nil && strings.Contains(err.Error(), "tls: "):
		return "no TLS session: " + err.Error()
	}
	return ""
}

// Asked reports whether the server asked for a client certificate.
func (h *Handshake) Asked() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE)
}

// distrust says why the server's certificate does not do, "" where that is not
// what failed.
func (h *Handshake) distrust(err error, now time.Time) string {
	var (
		verification *tls.CertificateVerificationError
		invalid      x509.CertificateInvalidError
		hostname     x509.HostnameError
		unknown      x509.UnknownAuthorityError
	)
	if errors.As(err, &verification) {
		h.saw(verification.UnverifiedCertificates)
	}
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		whose := "its certificate"
		if invalid.Cert.IsCA {
			whose = "the certificate of its CA (" + invalid.Cert.Subject.String() + ")"
		}
		if now.Before(invalid.Cert.NotBefore) {
			return fmt.Sprintf(
				"%s is not valid before %s: check the clock of this machine, or issue another one",
				whose,
				stamp(invalid.Cert.NotBefore),
			)
		}
		return fmt.Sprintf("%s expired at %s: renew it there and reload the server", whose, stamp(invalid.Cert.NotAfter))
	case errors.As(err, &hostname):
		names := Names(hostname.Certificate)
		if len(names) == 0 {
			return fmt.Sprintf(
				"its certificate names no host (subject alternative names), so not %s: issue one that does",
				h.host,
			)
		}
		return fmt.Sprintf(
			"its certificate is for %s, not for %s: issue one with that name too, or use an address that it has",
			strings.Join(names, ", "),
			h.host,
		)
	case errors.As(err, &unknown):
		issuer := ""
		if unknown.Cert != nil {
			issuer = " (" + unknown.Cert.Issuer.String() + ")"
		}
		return fmt.Sprintf(
			"its certificate is signed by a CA that is not trusted here%s: give that CA in %s",
			issuer,
			h.caKey,
		)
	case errors.As(err, &verification):
		return "its certificate does not verify: " + verification.Err.Error()
	case errors.As(err, &invalid):
		return "its certificate does not verify: " + invalid.Error()
	}
	return ""
}

// refused says what an alert of the server means.
func (h *Handshake) refused(alert string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case strings.Contains(alert, "protocol version"):
		return "speaks no TLS 1.2 or later: " + alert
	case h.asked && h.certificate == nil:
		return fmt.Sprintf("wants a client certificate (%s), and none is configured: give %s", alert, h.certKey)
	case h.asked:
		return fmt.Sprintf(
			"refuses the client certificate (%s): is %s expired, or signed by a CA that the server does not trust?",
			alert,
			h.certKey,
		)
	}
	return "ended the handshake: " + alert
}

// Names are the host names and addresses a certificate is for, sorted. An address
// among the host names is marked: no client takes it for the address.
func Names(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for i, name := range names {
		if _, err := netip.ParseAddr(name); err == nil {
			names[i] = name + " (as a host name)"
		}
	}
	for _, ip := range cert.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, a.Unmap().String())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
