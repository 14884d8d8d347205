"""Scripts behind every figure of the README."""
