"""Campaigns on their closed loop, from planning to the lesson, with what came of them."""
