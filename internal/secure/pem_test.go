package secure

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

const passphrase = "open-sesame"

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPair reads the keys that OpenSSL wrote.
func TestPair(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cert, key, passphrase string
		want                  error
	}{
		{"rsa.crt", "rsa.key", "", nil},
		{"rsa.crt", "rsa.key", "one that is not needed", nil},
		{"rsa.crt", "rsa-pkcs1.key", "", nil},
		{"ec.crt", "ec.key", "", nil},
		{"rsa.crt", "rsa-pkcs8-aes256.key", passphrase, nil},
		{"rsa.crt", "rsa-pkcs8-aes128-sha1.key", passphrase, nil},
		{"ec.crt", "ec-pkcs8-des3-sha512.key", passphrase, nil},
		{"rsa.crt", "rsa-legacy.key", passphrase, nil},
		{"ec.crt", "ec-legacy.key", passphrase, nil},
		{"rsa.crt", "rsa-pkcs8-aes256.key", "", ErrNoPassphrase},
		{"rsa.crt", "rsa-legacy.key", "", ErrNoPassphrase},
		{"rsa.crt", "rsa-pkcs8-aes256.key", "wrong", ErrPassphrase},
		{"ec.crt", "ec-pkcs8-des3-sha512.key", "wrong", ErrPassphrase},
		{"rsa.crt", "rsa-legacy.key", "wrong", ErrPassphrase},
		{"ec.crt", "ec-legacy.key", "wrong", ErrPassphrase},
		{"ec.crt", "ec-pkcs8-scrypt.key", passphrase, ErrEncryption},
		{"ec.crt", "rsa.key", "", ErrMismatch},
		{"rsa.key", "rsa.key", "", ErrNoCertificate},
		{"rsa.crt", "rsa.crt", "", ErrNoKey},
		{"README.md", "rsa.key", "", ErrNoCertificate},
		{"rsa.crt", "README.md", "", ErrNoKey},
	} {
		pair, err := Pair(read(t, tc.cert), read(t, tc.key), tc.passphrase)
		if !errors.Is(err, tc.want) || (tc.want == nil) != (err == nil) || (pair != nil) != (tc.want == nil) {
			t.Errorf("%s with %s and %q: %v, want %v", tc.cert, tc.key, tc.passphrase, err, tc.want)
		}
	}
}

// TestPairInOneFile: the key may stand before or behind its certificate.
func TestPairInOneFile(t *testing.T) {
	t.Parallel()
	cert, key := read(t, "rsa.crt"), read(t, "rsa.key")
	for _, text := range [][]byte{append(bytes.Clone(cert), key...), append(bytes.Clone(key), cert...)} {
		if _, err := Pair(text, text, ""); err != nil {
			t.Error(err)
		}
	}
}

// TestHostileKeys: an envelope that asks for too much or is cut is refused, not
// computed.
func TestHostileKeys(t *testing.T) {
	t.Parallel()
	cert := read(t, "rsa.crt")
	whole, _ := pem.Decode(read(t, "rsa-pkcs8-aes256.key"))
	endless := bytes.Replace(whole.Bytes, []byte{0x02, 0x02, 0x08, 0x00}, []byte{0x02, 0x02, 0x7f, 0xff}, 1)
	if bytes.Equal(endless, whole.Bytes) {
		t.Fatal("the number of iterations is not where it was")
	}
	var key encryptedKey
	if !parse(whole.Bytes, &key) {
		t.Fatal("the key cannot be read")
	}
	key.Data = key.Data[:len(key.Data)-3]
	halfBlock, err := asn1.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, der := range map[string][]byte{
		"half a block":     halfBlock,
		"other iterations": endless,
		"cut":              whole.Bytes[:len(whole.Bytes)/2],
		"empty":            {},
		"text":             []byte("no ASN.1 at all"),
		"more behind it":   append(bytes.Clone(whole.Bytes), 0),
	} {
		text := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
		want := ErrEncryption
		if name == "other iterations" {
			want = ErrPassphrase // they make another key
		}
		if _, err := Pair(cert, text, passphrase); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestPool(t *testing.T) {
	t.Parallel()
	if _, err := Pool(read(t, "rsa.crt")); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"rsa.key", "README.md"} {
		if pool, err := Pool(read(t, name)); !errors.Is(err, ErrNoCertificate) || pool != nil {
			t.Errorf("%s: %v, want %v", name, err, ErrNoCertificate)
		}
	}
}
