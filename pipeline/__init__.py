"""The staged pipeline: one package a room; rooms meet only in tables."""
