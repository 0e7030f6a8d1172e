"""The chapter “Attention”: its exercises' checks and its own figures."""
