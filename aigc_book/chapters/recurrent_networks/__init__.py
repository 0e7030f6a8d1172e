"""The chapter “Recurrent networks”: its exercises' checks and its own figures."""
