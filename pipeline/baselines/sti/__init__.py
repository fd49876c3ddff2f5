"""STI, the baseline of animated sticker generation (VSD2M, section "STI Layer")."""
