"""The filter room: measure every sticker once, then decide what is worth keeping."""
