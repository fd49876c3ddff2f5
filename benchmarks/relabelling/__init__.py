"""Planted noise for benchmarks/relabel.py: drawn stickers, voters who err, a baseline's scores."""
