"""Rebuilds a release that carries no pictures from the addresses that it names."""
