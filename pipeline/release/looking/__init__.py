"""What a release's own files show when every row of every split is decoded again."""
