"""Stored scores to passages and hours: what a change reaches, counted and published."""
