"""The chapter “Fine-tuning”: its exercises' checks and its own figures."""
