"""Looking through labels afterwards: search, the page of what was found, changes with reasons."""
