"""The chapter “Pre-training”: its exercises' checks and its own figures."""
