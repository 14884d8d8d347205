"""Reads hours as of a moment and rolls them up."""
