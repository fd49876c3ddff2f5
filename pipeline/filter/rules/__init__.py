"""Rules, found by name among the entry points stickerworks.rules."""
