"""Samples to scores: the only run-time package that runs networks."""
