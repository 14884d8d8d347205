"""Bytes to samples: the only package that decodes."""
