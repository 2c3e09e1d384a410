"""The money: what is owed, what was paid, and why.

Owns the ledger, receivables with credit, rebates, commissions, expenses, revenue shares and the
closing of periods. In every transaction debits equal credits, and a closed period never changes. It
asks planning for budget and nobody else.
"""
