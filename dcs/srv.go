package dcs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// services are the names under which SRV records name etcd's servers, in the
// order in which Patroni asks for them (patroni/dcs/etcd.py,
// _get_machines_cache_from_srv). Behind them Patroni tries the records of the
// peers, asks there for the clients' addresses, and verifies nothing.
var services = []struct{ name, scheme string }{
	{"_etcd-client-ssl", "https"},
	{"_etcd-client", "http"},
	{"_etcd-ssl", "https"},
	{"_etcd", "http"},
}

// find resolves the SRV records at the first read. Where they name nobody, the
// endpoints of the configuration stay, as for Patroni.
func (e *Etcd) find(ctx context.Context) {
	c := &e.config
	if c.SRV == "" {
		return
	}
	lookup := c.LookupSRV
	if lookup == nil {
		lookup = func(ctx context.Context, name string) ([]*net.SRV, error) {
			_, records, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
			return records, err
		}
	}
	e.lost = nil
	for _, s := range services {
		if c.SRVSuffix != "" {
			s.name += "-" + c.SRVSuffix
		}
		name := s.name + "._tcp." + c.SRV
		records, err := lookup(ctx, name)
		var dns *net.DNSError
		if err != nil && !(errors.As(err, &dns) && dns.IsNotFound) && e.lost == nil {
			e.lost = &fact.Unknown{
				Cause:  fact.Unresolved,
				Reason: fmt.Sprintf("SRV records of %s: %s", name, foreign.OneLine(err.Error(), 200)),
			}
		}
		if len(records) == 0 {
			continue
		}
		var urls []string
		for _, r := range records {
			urls = append(urls, s.scheme+"://"+net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
		}
		slices.Sort(urls)
		e.Close()
		e.endpoints = nil
		if err := e.add(urls); err != nil {
			e.Close()
			e.endpoints = nil
			e.lost = &fact.Unknown{
				Cause:  fact.Malformed,
				Reason: fmt.Sprintf("SRV records of %s: %s", name, foreign.OneLine(err.Error(), 200)),
			}
		}
		c.SRV = "" // once
		return
	}
	if e.lost == nil {
		e.lost = &fact.Unknown{
			Cause: fact.Unresolved,
			Reason: fmt.Sprintf(
				"no SRV record names a server of etcd below %s (asked for _etcd-client-ssl, _etcd-client, _etcd-ssl, _etcd): "+
					"name the servers in etcd3.hosts",
				c.SRV,
			),
		}
	}
}

// nowhere is what is known without any endpoint.
func (e *Etcd) nowhere(d fact.DCS) (fact.DCS, []fact.Member) {
	d.Read = fact.NotKnown[int](e.lost.Cause, "%s", e.lost.Reason)
	d.Alarms = fact.Because[[]string](d.Read)
	d.Cluster = fact.Because[fact.Cluster](d.Read)
	return d, []fact.Member{}
}
