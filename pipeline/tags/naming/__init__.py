"""What people decide about proposals: asked on a sheet or a page, checked, frozen as a tag set."""
