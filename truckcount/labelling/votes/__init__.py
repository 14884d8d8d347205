"""Votes of a crowd to soft labels: upload, batch results, merging, quality."""
