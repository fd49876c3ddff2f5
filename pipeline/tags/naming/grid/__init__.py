"""Tables as spreadsheet programs save them, read as texts with the cell that each stands in."""
