"""Profiles: what a release holds in the shapes of published data sets."""
