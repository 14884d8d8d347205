"""A store to one page that people read."""
