"""Passages against truth."""
