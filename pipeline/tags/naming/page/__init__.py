"""The page in the browser on which people name, merge and split clusters."""
