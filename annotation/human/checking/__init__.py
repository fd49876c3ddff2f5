"""Machine texts that people look at side by side: the page, and what is taken in from it."""
