"""From what stickers were found under to a named tag set (StickerTAG section 3.1)."""
