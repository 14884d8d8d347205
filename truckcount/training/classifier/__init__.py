"""Label sets of whole frames to classifiers."""
