"""What was seen and counted, as pictures."""
