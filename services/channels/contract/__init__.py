"""Contracts from the proposal over review, seal and signing to the last payment."""
