"""Processes as versioned data: numbered steps, what they wait for, and who may complete them.

The definition and its rules are pure; instances, steps and their history live in the service's own
database.
"""
