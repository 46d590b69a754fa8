"""The server's side of the reading room: the built app, what a page begins with, facts of a series, pixels in bulk."""
