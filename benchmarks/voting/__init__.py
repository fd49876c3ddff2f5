"""A team that labels drawn stickers through its browsers, for benchmarks and the lead's recipe."""
