"""What the benches start: the real services, and the baselines they are held against.

Each is a module that is run as a process of its own, on a core of its own.
"""
