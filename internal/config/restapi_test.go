package config

import "testing"

// TestRESTAPICredentials: those of ctl before those of restapi, never a mixture.
func TestRESTAPICredentials(t *testing.T) {
	for _, c := range []struct {
		name, file string
		env        map[string]string
		want       RESTAPI
	}{
		{"none", "", nil, RESTAPI{}},
		{"restapi", "restapi: {authentication: {username: api, password: one}}", nil, RESTAPI{"api", "one"}},
		{
			"ctl wins",
			"restapi: {authentication: {username: api, password: one}}\nctl: {authentication: {username: ctl, password: two}}",
			nil,
			RESTAPI{"ctl", "two"},
		},
		{
			"a password alone is none",
			"ctl: {authentication: {password: two}}\nrestapi: {authentication: {username: api, password: one}}",
			nil,
			RESTAPI{"api", "one"},
		},
		{"a number", "restapi: {authentication: {username: api, password: 1234}}", nil, RESTAPI{"api", "1234"}},
		{
			"environment",
			"",
			map[string]string{"PATRONI_RESTAPI_USERNAME": "api", "PATRONI_RESTAPI_PASSWORD": "env"},
			RESTAPI{"api", "env"},
		},
		{
			"environment of ctl",
			"restapi: {authentication: {username: api, password: one}}",
			map[string]string{"PATRONI_CTL_USERNAME": "ctl", "PATRONI_CTL_PASSWORD": "env"},
			RESTAPI{"ctl", "env"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for k, v := range c.env {
				w.vars[k] = v
			}
			if got := w.must(Flags{File: w.put("patroni.yml", minimal+c.file)}).RESTAPI; got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
