"""What a host says may be done with its files: where it is said, and what we make of it."""
