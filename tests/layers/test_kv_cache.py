"""The key–value cache: what goes in comes out, in order, and no more than there is room for."""

import pytest
import torch

from aigc_book.layers.kv_cache import KVCache


def numbered(start, tokens, batch=2):
    """Keys (batch, 3 heads, tokens, width 5) whose values tell token and row."""
    token = torch.arange(start, start + tokens).view(1, 1, -1, 1)
    return (100 * torch.arange(batch).view(-1, 1, 1, 1) + token).expand(batch, 3, tokens, 5).float()


def test_appended_tokens_come_back_in_order_in_every_layer():
    cache = KVCache(2, 2, 3, 7, 5)
    for start, tokens in ((0, 4), (4, 1), (5, 2)):
        for layer in range(2):
            keys, values = cache.append(layer, numbered(start, tokens) + 1000 * layer, -numbered(start, tokens))
            assert torch.equal(keys, numbered(0, start + tokens) + 1000 * layer)
            assert torch.equal(values, -numbered(0, start + tokens))
        cache.advance(tokens)
    assert cache.length == cache.max_seq_len == 7


def test_size_follows_from_the_formula():
    cache = KVCache(2, 3, 5, 7, 11, dtype=torch.bfloat16)
    assert cache.nbytes == 2 * 2 * 3 * 5 * 7 * 11 * 2


def test_reset_forgets_and_reuses_the_memory():
    cache = KVCache(1, 2, 3, 7, 5)
    cache.append(0, numbered(0, 7), numbered(0, 7))
    cache.advance(7)
    memory = cache.memory.data_ptr()
    cache.reset()
    keys, _ = cache.append(0, numbered(50, 2), numbered(50, 2))
    assert torch.equal(keys, numbered(50, 2))
    assert cache.memory.data_ptr() == memory


def test_rewind_forgets_the_last_tokens():
    cache = KVCache(1, 2, 3, 7, 5)
    cache.append(0, numbered(0, 6), numbered(0, 6))
    cache.advance(6)
    cache.rewind(4)
    keys, _ = cache.append(0, numbered(50, 1), numbered(50, 1))
    assert torch.equal(keys[:, :, :4], numbered(0, 4)) and torch.equal(keys[:, :, 4:], numbered(50, 1))
    for length in (-1, 5):
        with pytest.raises(ValueError, match=rf"length must be in \[0, 4\], the tokens in the cache; got {length}"):
            cache.rewind(length)


def test_reorder_lets_rows_continue_other_rows():
    cache = KVCache(1, 2, 3, 7, 5)
    cache.append(0, numbered(0, 4), numbered(0, 4))
    cache.advance(4)
    cache.reorder(torch.tensor([1, 1]))
    keys, _ = cache.append(0, numbered(4, 1), numbered(4, 1))
    assert torch.equal(keys[0, :, :4], numbered(0, 4)[1])
    assert torch.equal(keys[1, :, :4], numbered(0, 4)[1])


def test_overflow_and_other_batch_sizes_are_refused():
    cache = KVCache(1, 2, 3, 7, 5)
    cache.advance(6)
    with pytest.raises(ValueError, match=r"room for 7 tokens; got 6 \+ 2"):
        cache.append(0, numbered(6, 2), numbered(6, 2))
    with pytest.raises(ValueError, match="made for batch_size=2; got 3"):
        cache.append(0, numbered(6, 1, batch=3), numbered(6, 1, batch=3))
