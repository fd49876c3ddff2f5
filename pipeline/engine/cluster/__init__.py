"""Running stages on the nodes of a Ray cluster."""
