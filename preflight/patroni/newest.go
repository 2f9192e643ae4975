package patroni

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

// Newest is the newest release whose decisions were compared with these rules
// (docs/prediction.md).
const Newest = "4.2.0"

// NotCompared reports whether a release is newer than Newest.
func NotCompared(version string) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(Newest, "%d.%d.%d", &major, &minor, &patch); n != 3 {
		return true
	}
	return version != Newest && !fact.OlderThan(version, major, minor, patch) && version != ""
}
