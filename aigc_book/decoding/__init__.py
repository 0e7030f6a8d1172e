"""From logits to ids: sampling, beam search and cached generation."""

from aigc_book.decoding.generate import generate, stream

__all__ = ["generate", "stream"]
