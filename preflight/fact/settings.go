package fact

import (
	"fmt"
	"strconv"
)

func Shown(value string) string {
	if value == "" {
		return "empty"
	}
	return value
}

// Release writes server_version_num as people do.
func Release(num int) string { return fmt.Sprintf("PostgreSQL %d.%d", num/10000, num%10000) }

// OfSetting is one of the settings as text. PostgreSQL shows it to every role,
// but before version 12 what is about recovery is no setting.
func OfSetting(name string) Fact[string] {
	return OfSQL(name+" in pg_settings", func(q SQL) Observed[string] {
		return Field(q.Settings, func(all map[string]string) Observed[string] {
			if v, ok := all[name]; ok {
				return Known(v)
			}
			return NotKnown[string](Unsupport, "pg_settings does not show %s", name)
		})
	})
}

// OfMillis is one of the settings in seconds that PostgreSQL counts in milliseconds.
func OfMillis(name string) Fact[float64] {
	text := OfSetting(name)
	return Fact[float64]{text.Label, func(s *Snapshot, m string) Observed[float64] {
		return Field(text.Of(s, m), func(v string) Observed[float64] {
			ms, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return NotKnown[float64](Malformed, "%s is %q", name, v)
			}
			return Known(ms / 1000)
		})
	}}
}

// Setting reads a number among the settings, in its base unit.
func Setting(settings map[string]string, name string) (int64, bool) {
	n, err := strconv.ParseInt(settings[name], 10, 64)
	return n, err == nil
}

// KeptWAL is how much WAL a server keeps for standbys without a slot, in bytes.
func KeptWAL(settings map[string]string) (int64, bool) {
	if mb, ok := Setting(settings, "wal_keep_size"); ok {
		return mb << 20, true
	}
	segments, ok := Setting(settings, "wal_keep_segments") // before PostgreSQL 13
	size, known := Setting(settings, "wal_segment_size")
	if !known {
		size = 16 << 20
	}
	return segments * size, ok
}

// ConflictDelay is how long a query on a standby may hold up its replay.
func ConflictDelay(s *Snapshot, m string) (Seconds, bool) {
	settings, _ := SQLSettings.Of(s, m).Get()
	ms, err := strconv.ParseFloat(settings["max_standby_streaming_delay"], 64)
	switch {
	case err != nil:
		return Seconds{}, false
	case ms < 0:
		return Seconds{}, true
	}
	return UpTo(0, ms/1000), true
}
