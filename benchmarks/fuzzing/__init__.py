"""What is damaged in files, and how, for benchmarks/fuzz.py."""
