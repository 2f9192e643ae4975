package fact

import (
	"fmt"
	"slices"
	"strings"
)

// PrefixName names the read of the DCS.
func (s *Snapshot) PrefixName() string {
	if s.DCS.ByREST != "" {
		return s.KeyName("")
	}
	if s.DCS.Read.Stamp != nil && s.DCS.Read.Stamp.Source != "" {
		return s.DCS.Read.Stamp.Source
	}
	return s.DCS.Kind + " " + s.DCS.Prefix
}

// KeyName names one key in the DCS, or the document of the REST API that told of it.
func (s *Snapshot) KeyName(name string) string {
	if s.DCS.ByREST != "" {
		member, ok := strings.CutPrefix(name, "/members/")
		if name != "/config" && name != "/history" {
			name = "/cluster"
		}
		asked := "GET " + s.DCS.ByREST + name
		if strings.Contains(s.DCS.ByREST, ", ") { // none of several told
			asked = "GET " + name + " at " + s.DCS.ByREST
		}
		if ok && member != "" {
			asked += ", member " + member
		}
		return asked
	}
	return s.DCS.Kind + " " + strings.TrimSuffix(s.DCS.Prefix, "/") + name
}

// Names joins member names in order.
func Names(members []string) string {
	members = slices.Clone(members)
	slices.Sort(members)
	return strings.Join(members, ", ")
}

// RESTCall names the question to a member's REST API.
func (s *Snapshot) RESTCall(m string) string {
	url, ok := KeyAPIURL.Of(s, m).Get()
	if !ok {
		return "the REST API of member " + m
	}
	return "GET " + url + ", the api_url of member " + m
}

// RequestCall names the rehearsed request to a member's REST API.
func (s *Snapshot) RequestCall(m string) string {
	member, _ := s.Member(m)
	if member.Request.Stamp == nil {
		return "POST /switchover [] to the REST API of member " + m
	}
	return member.Request.Stamp.Source + ", the REST API of member " + m
}

// SQLQuery names a question to a member's PostgreSQL.
func (s *Snapshot) SQLQuery(m, what string) string {
	url, ok := KeyConnURL.Of(s, m).Get()
	if !ok {
		return what + " on member " + m
	}
	return what + " at " + url + ", the conn_url of member " + m
}

// NameAndRole names a member with its role.
func (s *Snapshot) NameAndRole(m string) string {
	if m == s.Leader() {
		return m + " (the leader)"
	}
	return m
}

// Size prints a number of bytes for people.
func Size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d %s", n, units[0])
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}
