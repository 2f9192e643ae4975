package pg

import "patroni-preflight/preflight/fact"

const (
	archiver = "pg_stat_archiver"
	ready    = "pg_ls_archive_statusdir()"
)

var archiverView = view{
	name: archiver, most: 1,
	columns: []column{
		col("archived_count"), as("last_archived_time", micros("last_archived_time")), col("failed_count"),
		col("last_failed_wal"), as("last_failed_time", micros("last_failed_time")),
	},
	from: constant("FROM pg_stat_archiver"),
}

var readyView = view{
	name: ready, most: 1, columns: []column{col("count(*)")},
	from: constant("FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"),
}

func (d decoder) archiver() fact.Observed[fact.Archiver] {
	n := &record{cells: d.of(archiverView)}
	c := n.orNull("NULL: never since the statistics began")
	return complete(n, fact.Archiver{
		ArchivedCount:  int64(given(n, "archived_count", parseCount)),
		LastArchivedAt: value(c, "last_archived_time", parseMicros),
		FailedCount:    int64(given(n, "failed_count", parseCount)),
		LastFailedWAL:  orZero(n, "last_failed_wal", parseText),
		LastFailedAt:   value(c, "last_failed_time", parseMicros),
		Ready:          d.ready(),
	})
}

func (d decoder) ready() fact.Observed[int] {
	if d.major < 12 {
		return tooOld[int](ready, 12)
	}
	if !d.allowed().ready {
		return fact.NotKnown[int](fact.Privilege, "no privilege for %s: GRANT pg_monitor TO %s", ready, ident(d.role))
	}
	return value(d.of(readyView), "", parseCount)
}
