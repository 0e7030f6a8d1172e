"""The chapter “What is AIGC?”: its exercises' checks and its own figures."""
