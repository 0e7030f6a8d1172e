"""The chapter “Word embeddings”: its exercises' checks and its own figures."""
