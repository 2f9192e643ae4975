package config

// RESTAPI are the credentials for requests that change something. Empty ones are
// not sent.
type RESTAPI struct{ User, Password string }

// restapi returns the credentials that patronictl sends: those of ctl, else those
// of restapi (patroni/request.py, _get_cfg_value). Only a switchover needs them, so
// none is refused for its form.
func (r *reader) restapi() RESTAPI {
	text := func(path string) string {
		if v := r.value(path); v != nil && v.kind == scalar {
			return v.text
		}
		return ""
	}
	for _, section := range []string{"ctl.authentication", "restapi.authentication"} {
		if a := (RESTAPI{User: text(section + ".username"), Password: text(section + ".password")}); a.User != "" {
			return a
		}
	}
	return RESTAPI{}
}
