"""The double-entry ledger: accounts, and the transfers between them.

A transfer debits one account and credits another, so debits equal credits by construction. Other
capabilities post through `usecases` in their own transaction. Deliberately absent: a signed amount,
and any change of a transfer.
"""
