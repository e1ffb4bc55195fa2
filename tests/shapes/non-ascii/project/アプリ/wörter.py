"""Wörter."""
