"""The whole flow and its trace, over four processes."""
