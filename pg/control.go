package pg

import "patroni-preflight/preflight/fact"

const control = "pg_control_system() and pg_control_checkpoint()"

var controlView = view{
	name: control, most: 1,
	columns: []column{
		as("system_identifier", "(SELECT system_identifier FROM pg_control_system())"),
		col("timeline_id"),
		col("redo_lsn"),
		as("checkpoint_time", micros("checkpoint_time")),
	},
	from: constant("FROM pg_control_checkpoint()"),
}

func (d decoder) checkpoint() fact.Observed[fact.Checkpoint] {
	n := &record{cells: d.of(controlView)}
	return complete(n, fact.Checkpoint{
		RedoLSN: given(n, "redo_lsn", fact.ParseLSN),
		At:      given(n, "checkpoint_time", parseMicros),
	})
}
