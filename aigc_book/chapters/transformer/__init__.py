"""The chapter “The Transformer”: its exercises' checks and its own figures."""
