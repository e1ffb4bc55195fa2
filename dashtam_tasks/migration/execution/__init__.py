"""Execution: the operations of a saved plan, done and undone so that a crash at any moment loses nothing."""
