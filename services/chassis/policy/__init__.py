"""Rule sets as versioned data: who approved them, on which days they hold, what they say.

A service declares the kinds it owns and serves them; others hold copies by event. Parameters are
values without fractions, conditions are questions in CEL that are answered with true or false.
Deliberately absent: arithmetic in rules.
"""
