"""The context of a call: positions, masks and the layer of the cache."""

import torch

from aigc_book.layers.context import EVERYTHING, Context
from aigc_book.layers.kv_cache import KVCache


def test_positions_go_on_behind_the_cache():
    ids, cache = torch.zeros(2, 3, dtype=torch.long), KVCache(1, 2, 1, 9, 4)
    assert Context.of(ids).positions.tolist() == [0, 1, 2]
    cache.advance(4)
    context = Context.of(ids, is_causal=True, cache=cache)
    assert context.positions.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert context.is_causal and context.cache is cache


def test_positions_count_real_tokens():
    ids = torch.zeros(2, 4, dtype=torch.long)
    mask = torch.tensor([[0, 0, 1, 1], [1, 0, 1, 1]], dtype=torch.bool)
    context = Context.of(ids, mask)
    assert context.positions.tolist() == [[0, 0, 0, 1], [0, 0, 1, 2]]
    assert torch.equal(context.mask, mask[:, None, None, :])


def test_a_layer_matters_to_a_cache_only():
    assert EVERYTHING.at(3) is EVERYTHING
    context = Context(is_causal=True, cache=KVCache(4, 1, 1, 9, 4))
    assert context.at(3).layer == 3 and context.layer == 0
    assert context.at(3).cache is context.cache and context.at(3).is_causal
