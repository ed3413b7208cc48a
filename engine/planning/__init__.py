"""Pure: from what was said, or a stored picture, to the spec of what is drawn, and its cost."""
