"""What must not be fetched: the takedown list, and what it refuses."""
