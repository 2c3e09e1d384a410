"""Closing the months of the ledger: the lock, the trial balance, the export for the books.

The ledger keeps the lock and the balances; this capability says when they are made and who may.
Deliberately absent: a posting.
"""
