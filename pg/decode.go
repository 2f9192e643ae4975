package pg

import (
	"patroni-preflight/preflight/fact"
)

// decode turns the answers of one session into facts. Its error says why they
// are no session of PostgreSQL at all. user is the role that logged in.
func decode(user string, major int, answers map[string]answer) (fact.SQL, *fact.Unknown) {
	id := cells{view: identityView, answer: answers[identity], null: fact.Unknown{Cause: fact.Malformed, Reason: "NULL"}}
	if id.answer.why != nil {
		return fact.SQL{}, id.answer.why
	}
	f := fact.SQL{
		User:            user,
		SeesStats:       value(id, "pg_has_role(pg_read_all_stats)", parseTextBool),
		ServerVersion:   value(id, "server_version_num", parsePositive),
		InRecovery:      value(id, "pg_is_in_recovery()", parseTextBool),
		PostmasterStart: value(id, "pg_postmaster_start_time()", parseMicros),
	}
	if role, ok := value(id, "current_user", parseText).Get(); ok {
		f.User = role
	}
	recovery, ok := f.InRecovery.Get()
	if !ok {
		// Without this no other figure has a meaning.
		return fact.SQL{}, &fact.Unknown{Cause: fact.Malformed, Reason: f.InRecovery.Reason()}
	}
	d := decoder{role: f.User, major: major, answers: answers, recovery: recovery}
	d.seesStats = fact.Equal(f.SeesStats, true)
	d.seesSettings = fact.Equal(value(id, "pg_has_role(pg_read_all_settings)", parseTextBool), true)
	d.positions(&f)
	f.SystemID = value(d.of(controlView), "system_identifier", parseSystemID)
	f.WalSenders = d.walSenders()
	f.WalReceiver = d.walReceiver()
	f.Timeline = d.timeline(f.WalReceiver)
	f.ApplicationName = d.upstream("application_name", "")
	f.UpstreamSSLMode = d.sslMode()
	f.Settings = d.settings()
	d.late(&f)
	return f, nil
}

// late fills in the answers to lateParts.
func (d decoder) late(f *fact.SQL) {
	f.Earlier = d.earlier()
	f.Slots = d.slots()
	f.Archiver = d.archiver()
	f.Checkpoint = d.checkpoint()
	f.Activity = d.activity()
	f.Roles = d.roles()
	f.Subscriptions = d.subscriptions()
	f.HBA = d.hba()
	f.Database = value(d.of(rightsView), "current_database()", parseText)
	f.UnloggedTables = value(d.of(unloggedView), "", parseCount)
	f.Extensions = pairs(d.of(extensionsView), "extversion", parseText)
	f.AvailableExtensions = pairs(d.of(availableView), "version", parseTextBool)
	f.PresentExtensions = pairs(d.of(availableView), "any version", parseTextBool)
	f.Collations = d.collations()
	f.CollationVersion = d.collationVersion()
}
