"""The chapter “From text to tensors”: its exercises' checks and its own figures."""
