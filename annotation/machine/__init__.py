"""Machine annotation: real or cartoon, and captions."""
