"""The log of a service's facts, and the reading of its peers' logs.

A fact is written in the transaction that makes it true. A sequencer numbers committed rows; a
reader keeps its cursor in the transaction of the effect. Deliberately absent: a broker, and any
publish after a commit.
"""
