package config

import (
	"regexp"
	"slices"
	"strings"
)

// stores are Patroni's DCS sections in the order in which Patroni tries them:
// that of their module names (patroni/dynamic_loader.py, iter_classes).
var stores = []string{"consul", "etcd", "etcd3", "exhibitor", "kubernetes", "raft", "zookeeper"}

func variable(name string) string { return "environment variable " + name }

// storeNames are the stores that are not read, as they are called.
var storeNames = map[string]string{
	"consul": "Consul", "etcd": "etcd's v2 API", "exhibitor": "Exhibitor",
	"kubernetes": "Kubernetes as the store", "raft": "Raft", "zookeeper": "ZooKeeper",
}

// StoreName is what a store's section stands for.
func StoreName(section string) string { return storeNames[section] }

// nearest is what a misspelt word may mean, "" where nothing is near.
func nearest(word string, words []string) string {
	best, least := "", len(word)
	for _, w := range words {
		if len(word) > 2*len(w) {
			continue // also what is endless
		}
		if d := distance(strings.ToLower(word), w); d <= 1+len(w)/6 && d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters have to be added, left out, replaced or exchanged
// with their neighbour to make one word of another.
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

func sortedKeys(v *value) []string {
	var out []string
	for k := range v.keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,80}$`)

// plain returns a key for a message, unless it is no key that anybody would write.
func plain(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return "a key that is not printed here"
}
