"""Hash-only indexes of data sets, and which stickers overlap with them."""
