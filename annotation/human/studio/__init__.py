"""Everything that speaks with Label Studio."""
