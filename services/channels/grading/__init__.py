"""How far partners are trusted to pay: points by policy, and the reviewed change of a grade."""
