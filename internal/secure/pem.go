package secure

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// What is wrong with a file of certificates or keys. The texts follow the name
// of the configuration's key, and quote nothing of the file.
var (
	ErrNoCertificate = errors.New("holds no certificate in PEM")
	ErrNoKey         = errors.New("holds no private key in PEM")
	ErrNoPassphrase  = errors.New("is encrypted, and no passphrase is given")
	ErrPassphrase    = errors.New("is encrypted, and the passphrase does not open it")
	ErrEncryption    = errors.New("is encrypted in a way that is not supported")
	ErrMismatch      = errors.New("is not the key of the certificate")
)

// Pool reads CA certificates.
func Pool(text []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, ErrNoCertificate
	}
	return pool, nil
}

// Pair reads a certificate with its chain, and its key, which may stand in the
// same text and may be encrypted. Its errors are those above, or ErrNoCertificate
// with what is wrong with the certificate.
func Pair(certificate, key []byte, passphrase string) (*tls.Certificate, error) {
	block := first(certificate, func(b *pem.Block) bool { return b.Type == "CERTIFICATE" })
	if block == nil {
		return nil, ErrNoCertificate
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return nil, ErrNoCertificate
	}
	plain, err := openKey(key, passphrase)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain}))
	if err != nil {
		return nil, ErrMismatch
	}
	return &pair, nil
}

func first(text []byte, is func(*pem.Block) bool) *pem.Block {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if is(block) {
			return block
		}
	}
	return nil
}

// openKey returns the first private key of a text, decrypted, in any of the
// forms that tls.X509KeyPair reads.
func openKey(text []byte, passphrase string) ([]byte, error) {
	block := first(text, func(b *pem.Block) bool {
		switch b.Type {
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return true
		}
		return false
	})
	switch {
	case block == nil:
		return nil, ErrNoKey
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return decryptPKCS8(block.Bytes, passphrase)
	case block.Headers["DEK-Info"] != "":
		return decryptLegacy(block, passphrase)
	}
	return block.Bytes, nil
}

// decryptLegacy opens a key with OpenSSL's old encryption (RFC 1421), which is
// weak but still found: OpenSSL wrote it by default before 1.0.
func decryptLegacy(block *pem.Block, passphrase string) ([]byte, error) {
	if passphrase == "" {
		return nil, ErrNoPassphrase
	}
	//lint:ignore SA1019 that it is weak is the owner's affair: Patroni opens such keys too
	plain, err := x509.DecryptPEMBlock(block, []byte(passphrase))
	switch {
	case errors.Is(err, x509.IncorrectPasswordError) || err == nil && !isKey(plain):
		return nil, ErrPassphrase
	case err != nil:
		return nil, ErrEncryption
	}
	return plain, nil
}

// isKey tells a key from what a wrong passphrase makes of it.
func isKey(der []byte) bool {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}
