"""An orchard."""
