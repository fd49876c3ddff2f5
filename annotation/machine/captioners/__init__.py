"""Captioners: one file each, found by the entry points of ``stickerworks.captioners``."""
