"""Rules: one file a rule, found by name among the entry points stickerworks.rules."""
