"""From logits to ids: sampling, beam search, cached generation, speculation."""

from aigc_book.decoding.beam import beam_search
from aigc_book.decoding.generate import generate, stream
from aigc_book.decoding.sampling import GREEDY, Sampling
from aigc_book.decoding.speculative import speculate
from aigc_book.kernels.packed import pack

__all__ = ["GREEDY", "Sampling", "beam_search", "generate", "pack", "speculate", "stream"]
