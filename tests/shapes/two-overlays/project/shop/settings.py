"""Settings for development."""

SECRET_KEY = "made-up"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
