"""Takes stickers down: out of tables, files and releases, and out of old copies."""
