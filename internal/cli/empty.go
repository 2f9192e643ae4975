package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// leftOut says what a flag means that is left out: an empty value is refused, since
// it is most often a shell variable that is not set.
var leftOut = map[string]string{
	"candidate":        "leave it out to let Patroni choose",
	"candidate replay": "leave it out to keep the recorded candidate, or give --any to let Patroni choose",
	"candidate verify": "leave it out to expect the candidate that the file names",
	"leader":           "leave it out to accept any leader",
	"scheduled":        "leave it out to switch over now",
	"scheduled replay": "leave it out to keep the recorded time",
	"scope":            "leave it out to take the name from PATRONI_SCOPE or the configuration file",
	"config-file":      "leave it out to read the file that patronictl reads",
	"dcs-url":          "leave it out to ask the DCS that the configuration file names",
	"namespace":        "leave it out to take the configuration file's, or /service",
	"group":            "leave it out if the cluster has no Citus groups, or the configuration file names one",
	"record":           "leave it out to save no snapshot",
	"format":           "leave it out for text",
	"via":              "leave it out for patronictl",
}

// refuseEmpty refuses a flag that is given without a value, or with spaces only.
func refuseEmpty(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		var values []string
		name := f.Names()[0]
		switch f.(type) {
		case *cli.StringFlag:
			values = []string{c.String(name)}
		case *cli.StringSliceFlag:
			values = c.StringSlice(name)
		}
		for _, v := range values {
			if c.IsSet(name) && strings.TrimSpace(v) == "" {
				return usage("--%s is empty; %s", name, whenLeftOut(c.Command.Name, name))
			}
		}
	}
	return nil
}

func whenLeftOut(command, flag string) string {
	for _, key := range []string{flag + " " + command, flag} {
		if hint := leftOut[key]; hint != "" {
			return hint
		}
	}
	return "give a value, or leave the flag out"
}
