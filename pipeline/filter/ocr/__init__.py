"""Text in key frames, read by a backend found among the entry points stickerworks.ocr."""
