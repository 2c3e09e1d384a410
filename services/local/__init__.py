"""The whole platform on one machine: PostgreSQL, the four services, tokens, and the demo.

Owns nothing that production uses. It starts the same processes with the same settings as a cluster
does, so that what works here works there. Deliberately absent: business words; the demo's story
alone has them.
"""
