"""What `benchmarks/suggestions.py` measures, a file each."""
