"""The lead's report: one HTML page on how annotation goes and how good it is."""
