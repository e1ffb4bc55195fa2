"""PostgreSQL in a container: its data directories, servers that run on them, their rows and their dumps."""
