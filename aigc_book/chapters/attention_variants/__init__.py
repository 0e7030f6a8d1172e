"""The chapter “Attention variants”: its exercises' checks."""
