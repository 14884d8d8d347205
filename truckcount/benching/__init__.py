"""What we cost beside FFmpeg and others, measured in one run."""
