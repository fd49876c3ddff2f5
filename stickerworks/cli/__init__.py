"""The composition root: imports every room and is imported by none."""
