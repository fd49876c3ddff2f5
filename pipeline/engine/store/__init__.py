"""Where a workspace's tables and packed media lie: a folder, or a bucket of an object store."""
