"""Measures: one file a measure, found by name among the entry points stickerworks.measures."""
