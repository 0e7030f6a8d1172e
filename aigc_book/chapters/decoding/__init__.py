"""What belongs to the chapter on decoding alone."""
