"""The year plan with its budget: 32 steps, four phases, five meetings, and targets with a life."""
