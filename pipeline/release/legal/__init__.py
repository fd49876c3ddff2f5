"""What a lawyer asks of a release, from its tables: sources, terms, preferences, makers."""
