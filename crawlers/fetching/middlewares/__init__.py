"""Downloader middlewares: what may be fetched, when, and how often."""
