"""Near-duplicates: which stickers are copies of each other, and how they are tied together."""
