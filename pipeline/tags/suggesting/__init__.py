"""What suggests tags of a sticker before anybody voted: its keywords, and the text on it."""
