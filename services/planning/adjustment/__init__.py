"""The adjustment of targets and budget after a month, in eleven steps; and the plan in force."""
