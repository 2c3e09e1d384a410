"""How goods reach the market, and through whom.

Owns products, prices, partners with their contracts, orders with shipments and stock, returns, and
the inspection of the channel. It asks settlement for credit and planning for budget; it is asked by
crm.
"""
