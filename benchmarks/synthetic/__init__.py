"""Synthetic workspaces of any size: what a crawl, the slow stages and annotators would leave."""
