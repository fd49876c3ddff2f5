"""Finding copies of stickers by how they look: codes, candidates, and a close comparison."""
