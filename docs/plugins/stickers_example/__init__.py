"""A plugin of each kind, one file each."""
