"""Joins the stages into runs."""
