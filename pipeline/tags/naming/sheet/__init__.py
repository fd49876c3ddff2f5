"""The spreadsheet on which people name clusters."""
