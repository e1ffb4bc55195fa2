"""Dashtam: financial accounts and their transactions, connected over OAuth."""

__version__ = "0.1.0"
