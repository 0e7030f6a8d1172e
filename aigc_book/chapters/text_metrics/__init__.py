"""The chapter “Text metrics”: its exercises' checks and its own figures."""
