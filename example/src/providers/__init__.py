"""The financial institutions that accounts are connected through."""
