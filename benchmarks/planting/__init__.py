"""Copies and templates planted among real stickers, for ``benchmarks/copies.py``."""
