"""Att2PL: multi-tag recognition of stickers by prompts and local re-attention (StickerTAG)."""
