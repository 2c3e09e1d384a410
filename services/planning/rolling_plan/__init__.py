"""The monthly rolling sales plan: a cycle of month M plans M+2, M+3 and M+4, in sixteen steps."""
