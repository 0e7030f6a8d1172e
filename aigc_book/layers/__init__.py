"""The parts that models are made of: attention, positions, norms, feed-forward blocks and the key–value cache."""
