package dcs_test

import (
	"fmt"

	"patroni-preflight/dcs"
)

// Decode turns Patroni's keys into facts; any store can read them.
func ExampleDecode() {
	cluster, members := dcs.Decode("/service/demo/", []dcs.KV{
		{Key: "/service/demo/leader", Value: []byte("node1")},
		{Key: "/service/demo/config", Value: []byte(`{"ttl": 30, "maximum_lag_on_failover": "10MB"}`)},
		{Key: "/service/demo/members/node1", Value: []byte(`{"api_url": "http://10.0.0.21:8008/patroni"}`)},
	}, nil, 0)
	fmt.Println(cluster.Leader.Must(), len(members))
	fmt.Println(cluster.Config.Must().MaximumLag.Must())
	fmt.Println(members[0].Key.Must().Role.Reason())
	// Output:
	// node1 1
	// 10MB
	// /service/demo/members/node1 has no role
}
