package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"
)

// maxIterations bounds what a file may make us compute; OpenSSL uses 2048.
const maxIterations = 10_000_000

// The parts of an encrypted PKCS #8 key: RFC 5958, section 3 (the envelope), and
// RFC 8018, appendix A (PBES2 and PBKDF2).
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Parameters struct {
		KDF, Cipher pkix.AlgorithmIdentifier
	}
	pbkdf2Parameters struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}

	// prfs are the hashes of PBKDF2; SHA-1 where none is named.
	prfs = map[string]func() hash.Hash{
		"":                    sha1.New,
		"1.2.840.113549.2.7":  sha1.New,
		"1.2.840.113549.2.8":  sha256.New224,
		"1.2.840.113549.2.9":  sha256.New,
		"1.2.840.113549.2.10": sha512.New384,
		"1.2.840.113549.2.11": sha512.New,
	}
	// ciphers are those in CBC mode, with their key's length in bytes.
	ciphers = map[string]struct {
		length int
		block  func([]byte) (cipher.Block, error)
	}{
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	}
)

// decryptPKCS8 opens a key as OpenSSL writes it since 1.0: PBES2 with PBKDF2 and
// a cipher in CBC mode. There is a library, github.com/youmark/pkcs8; as of July 2024
// it panics at a key that is cut, bounds no iterations, and knows SHA-1 and SHA-256
// only.
func decryptPKCS8(der []byte, passphrase string) ([]byte, error) {
	if passphrase == "" {
		return nil, ErrNoPassphrase
	}
	var key encryptedKey
	var scheme pbes2Parameters
	var kdf pbkdf2Parameters
	var iv []byte
	if !parse(der, &key) || !key.Algorithm.Algorithm.Equal(oidPBES2) ||
		!parse(key.Algorithm.Parameters.FullBytes, &scheme) || !scheme.KDF.Algorithm.Equal(oidPBKDF2) ||
		!parse(scheme.KDF.Parameters.FullBytes, &kdf) || !parse(scheme.Cipher.Parameters.FullBytes, &iv) {
		return nil, ErrEncryption
	}
	prf, known := prfs[kdf.PRF.Algorithm.String()]
	use, usable := ciphers[scheme.Cipher.Algorithm.String()]
	if !known || !usable || kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, ErrEncryption
	}
	secret, err := pbkdf2.Key(prf, passphrase, kdf.Salt, kdf.Iterations, use.length)
	if err != nil {
		return nil, ErrEncryption
	}
	block, err := use.block(secret)
	if err != nil || len(iv) != block.BlockSize() || len(key.Data) == 0 || len(key.Data)%block.BlockSize() != 0 {
		return nil, ErrEncryption
	}
	plain := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, key.Data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > block.BlockSize() || !isKey(plain[:len(plain)-pad]) {
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-pad], nil
}

func parse(der []byte, into any) bool {
	rest, err := asn1.Unmarshal(der, into)
	return err == nil && len(rest) == 0
}
