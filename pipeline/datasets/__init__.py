"""Published data sets on disk: their layouts, read and written in one place each."""
