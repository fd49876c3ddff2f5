"""The page on which people pick the stickers of named test sets."""
