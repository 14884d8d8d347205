"""A store counted anew: other thresholds, other weights, bins that do not sum."""
