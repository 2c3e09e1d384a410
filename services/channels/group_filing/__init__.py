"""Filings of group-uniform clients: who files first is protected; measuring of their people."""
