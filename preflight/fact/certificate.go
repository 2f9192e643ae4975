package fact

import (
	"time"
)

// Certificate is what a server showed in a TLS handshake.
type Certificate struct {
	// Host is the name or the address that was called.
	Host string `json:"host"`
	// Names are the host names and addresses that the certificate is for, sorted;
	// Matches is whether Host is one of them, wildcards and all.
	Names   []string `json:"names"`
	Matches bool     `json:"matches"`
	// NameRequired is whether the configuration holds the certificate to its name
	// (false: ctl.insecure).
	NameRequired bool   `json:"name_required,omitempty"`
	Issuer       string `json:"issuer"`
	// NotBefore and NotAfter bound its validity.
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}
