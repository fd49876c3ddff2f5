"""Every table's Arrow schema and the whole configuration. Imports nothing of ours."""
