"""The chapter “Heads and positions”: its exercises' checks and its own figures."""
