"""The domain as an EfficientNet learns it from labelled stickers (VSD2M, "Domain")."""
