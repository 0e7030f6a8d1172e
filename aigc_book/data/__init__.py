"""Where samples come from: real corpora, windows and padded batches."""
