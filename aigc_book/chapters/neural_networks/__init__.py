"""The chapter “Neural networks”: its exercises' checks and its own figures."""
