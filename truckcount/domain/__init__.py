"""The nouns the stages hand to one another: no I/O, no decoder, no network."""
