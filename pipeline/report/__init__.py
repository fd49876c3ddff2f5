"""The HTML report: what a workspace holds, why, and what is missing."""
