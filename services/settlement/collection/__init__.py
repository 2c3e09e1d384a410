"""How old what partners owe is, what they are reminded of, and how much of the targets came in."""
