"""From logits to ids: sampling, beam search and cached generation."""
