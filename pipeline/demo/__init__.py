"""The demo: drawn stickers with known outcomes, a loopback site, simulated annotators."""
