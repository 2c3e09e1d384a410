"""Budget lines, and the parts of them that are reserved and spent; never more than there is."""
