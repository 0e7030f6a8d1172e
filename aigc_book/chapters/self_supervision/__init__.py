"""The chapter “Self-supervision”: its exercises' checks and its own figures."""
