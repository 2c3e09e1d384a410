"""The form on which a year's budget is made: what the year before had, spent and got for it."""
