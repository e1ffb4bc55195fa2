"""A legacy project's way to standalone environments, one proven step after the other."""
