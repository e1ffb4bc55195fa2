"""Standalone development, test and CI environments for one Docker Compose application."""

__version__ = "0.1.0"
