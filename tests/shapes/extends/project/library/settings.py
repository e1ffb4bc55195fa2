"""Settings."""

SECRET_KEY = "made-up"
