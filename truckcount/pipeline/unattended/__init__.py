"""Runs that nobody watches: what is new, what failed, what is lived through."""
