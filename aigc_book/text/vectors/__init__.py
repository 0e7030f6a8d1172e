"""From words to vectors: counting what stands together, training, looking up, analogies."""
