package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"patroni-preflight/internal/secure"
)

// etcdTLS is how etcd is spoken to over https. Patroni passes over a CA and a
// certificate where the protocol is http; here that is an error, since somebody
// meant the connection to be secure. srv is whether the protocol is found later.
func (r *reader) etcdTLS(h host, protocol string, srv bool, warnings *[]string) (*secure.Client, bool) {
	ca := "etcd3.cacert"
	if r.text(ca) == "" {
		ca = "etcd3.ca_cert"
	}
	if protocol == "http" && !srv {
		for _, key := range []string{ca, "etcd3.cert", "etcd3.key"} {
			if r.text(key) != "" {
				r.fail(
					r.value(key),
					key,
					"is set, but the connection to etcd is http, without encryption",
					"set etcd3.protocol to https (or the scheme of etcd3.url), or remove the key",
				)
			}
		}
		return nil, false
	}
	c := &secure.Client{CAKey: "etcd3.cacert", CertKey: "etcd3.cert and etcd3.key"}
	c.Roots = r.pool(h, ca)
	c.Certificate = r.pair(h, "etcd3.cert", "etcd3.key", "", warnings)
	return c, c.Roots != nil || c.Certificate != nil
}

// rest is how patronictl speaks to an https REST API (patroni/request.py,
// PatroniRequest.reload_config).
func (r *reader) rest(h host, warnings *[]string) secure.Client {
	c := secure.Client{CAKey: "ctl.cacert", CertKey: "ctl.certfile and ctl.keyfile"}
	ca := "ctl.cacert"
	if r.text(ca) == "" {
		ca = "restapi.cafile"
	}
	c.Roots = r.pool(h, ca)
	c.Certificate = r.pair(h, "ctl.certfile", "ctl.keyfile", "ctl.keyfile_password", warnings)
	if v := r.value("ctl.insecure"); v != nil && truth(v) {
		c.NoVerify, c.AnyName = c.Certificate == nil, c.Certificate != nil
	}
	return c
}

// anyText reports whether any of the keys has a value.
func (r *reader) anyText(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return r.text(key) != "" })
}

// pool reads the CAs in the file that a key names; nil where it names none.
func (r *reader) pool(h host, key string) *x509.CertPool {
	text, ok := r.file(h, key)
	if !ok {
		return nil
	}
	pool, err := secure.Pool(text)
	if err != nil {
		r.fail(r.value(key), key, "names a file that "+err.Error(), "name the PEM file of the CA")
	}
	return pool
}

// pair reads a client certificate and its key, nil where there is none. Without
// a file of its own the key stands in the certificate's. A key without a
// certificate counts for nothing, as for Patroni.
func (r *reader) pair(h host, certKey, keyKey, passphraseKey string, warnings *[]string) *tls.Certificate {
	certificate, ok := r.file(h, certKey)
	if !ok {
		if v := r.value(keyKey); v != nil && r.text(keyKey) != "" {
			*warnings = append(*warnings, v.at.String()+": "+keyKey+" is not used, since it has no "+certKey)
		}
		return nil
	}
	key, from := certificate, certKey
	if text, ok := r.file(h, keyKey); ok {
		key, from = text, keyKey
	} else if r.err != nil {
		return nil
	}
	// A group is somebody's choice, as with the configuration itself.
	name := r.text(from)
	if info, err := h.files.Stat(name); err == nil && info.Mode().Perm()&0o007 != 0 && h.goos != "windows" {
		*warnings = append(
			*warnings,
			fmt.Sprintf(
				"%s: %s names a file with a private key that everyone can read (mode %04o): chmod o= it",
				r.value(from).at,
				from,
				info.Mode().Perm(),
			),
		)
	}
	passphrase := ""
	if passphraseKey != "" {
		passphrase = r.text(passphraseKey)
	}
	pair, err := secure.Pair(certificate, key, passphrase)
	if err == nil {
		return pair
	}
	remedy := "name the PEM file of the key"
	switch {
	case errors.Is(err, secure.ErrNoCertificate):
		from, remedy = certKey, "name the PEM file of the certificate"
	case errors.Is(err, secure.ErrNoKey) && from == certKey:
		remedy = "add the key to that file, or name its file in " + keyKey
	case errors.Is(err, secure.ErrMismatch):
		remedy = "name the key that belongs to " + certKey
	case passphraseKey != "" && errors.Is(err, secure.ErrPassphrase):
		remedy = "correct " + passphraseKey
	case passphraseKey != "" && errors.Is(err, secure.ErrNoPassphrase):
		remedy = "give it in " + passphraseKey
	case errors.Is(err, secure.ErrNoPassphrase), errors.Is(err, secure.ErrPassphrase):
		remedy = "use a key without a passphrase: Patroni has no setting for it here"
	case errors.Is(err, secure.ErrEncryption):
		remedy = "encrypt it as openssl pkcs8 -topk8 does: PBES2 with PBKDF2 and AES"
	}
	r.fail(r.value(from), from, "names a file that "+err.Error(), remedy)
	return nil
}

// file reads the file that a key names; false where it names none or it cannot
// be read, which is an error then.
func (r *reader) file(h host, key string) ([]byte, bool) {
	name := r.text(key)
	if name == "" {
		return nil, false
	}
	text, err := h.whole(name)
	if err != nil {
		var e *Error
		errors.As(unreadable("", err, ""), &e)
		r.fail(r.value(key), key, "names a file that "+e.Problem, "check the path and its permissions")
		return nil, false
	}
	return text, true
}
