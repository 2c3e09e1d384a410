"""How the net income of extension services is shared: schemes, capital tables, distributions."""
