"""A person's count of drawn windows to factors with standard errors."""
