"""Frames and what people and models say of them: label sets on disk."""
