"""Containers that data are worked on in: commands run in them, and those that we start for that."""
