"""The chapter “Data, scale and compute”: its exercises' checks and its own figures."""
