"""The funds that the business needs, half month by half month, and the capital that it ties up."""
