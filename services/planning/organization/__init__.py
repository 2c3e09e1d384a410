"""The tree of units with dates: who stands below whom on any day, past and to come."""
