"""What HTML reports are made of: pictures, cards, a style, and pages that load nothing."""
