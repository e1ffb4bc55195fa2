"""What every part of the app stands on: settings, database, cache, secrets."""
