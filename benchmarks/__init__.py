"""Measurements of what the tasks cost, beside what they are built on."""
