"""A person's answers to labels: a local page, its server and its session."""
