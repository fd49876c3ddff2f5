"""MGHFT: sticker emotions from an image and what four views of it say."""
