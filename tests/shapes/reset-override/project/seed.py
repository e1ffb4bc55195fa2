"""Write the first quotes."""
