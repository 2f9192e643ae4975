package pg

// steadyParts returns the statements for a major version, 10 to 18, whose answers
// do not depend on when they are asked. Later versions are asked as 18 is: a view
// that has changed by then fails alone.
func steadyParts(major int) []part {
	return partsOf(major, identityView, controlView, settingsView, conninfoView, rightsView)
}

// movingParts returns those whose answers change with every write.
func movingParts(major int) []part {
	return partsOf(major, positionsView, sendersView, receiverView)
}

// lateParts returns the statements for what is not compared between members. The
// quick ones come first; pg_hba_file_rules reads a file that may be broken.
func lateParts(major int, may allowed) []part {
	vs := []view{slotsView, archiverView, activityView, rolesView, subscriptionsView, extensionsView}
	if major >= 15 {
		vs = append(vs, collationView)
	}
	vs = append(vs, collationsView)
	if major >= 12 && may.ready {
		vs = append(vs, readyView)
	}
	vs = append(vs, availableView, unloggedView)
	if may.hba {
		vs = append(vs, hbaView)
	}
	return partsOf(major, vs...)
}

func partsOf(major int, vs ...view) []part {
	out := make([]part, len(vs))
	for i, v := range vs {
		out[i] = v.part(major)
	}
	return out
}
