"""Scores to passages to hours: pure functions of their arguments."""
