"""The customers, and every conversation with them.

Owns customers and their segments, touchpoints, the decision which offer a customer sees now,
outreach, service cases and membership. It asks the other services and is asked by none; a
customer's no and the contact limits are kept here.
"""
