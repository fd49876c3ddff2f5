"""Which stickers' labels most likely are wrong and would come right with further votes."""
