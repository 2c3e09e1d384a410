"""What partners get back on what they bought and paid within a year.

A partner's base is written down entry by entry. Each month the rebate on it is accrued, trued up to
the whole year so far; once a year a run settles it, is reviewed, approved and paid. What changes
afterwards is clawed back. Deliberately absent: a rate in code; the rules are a policy.
"""
