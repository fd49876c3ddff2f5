"""StickerCLIP: images and texts of stickers in one space (the Sticker820K paper)."""
