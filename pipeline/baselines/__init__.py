"""Models that train on a release; one of them judges it."""
