"""A small network: what a release must beat chance with, in seconds on a CPU."""
