"""Linear attention against its own dense form, step by step, and against what it is not: softmax attention."""

import itertools

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from aigc_book.layers.attention import scaled_dot_product_attention
from aigc_book.layers.linear_attention import linear_attention, linear_attention_step, positive_features

B, H, D = 2, 3, 5


def random_qkv(T, S, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(B, H, n, size, dtype=torch.float64) for n, size in ((T, D), (S, D), (S, 7))]


def naive(q, k, v, allowed):
    weights = (positive_features(q) @ positive_features(k).transpose(-2, -1)) * allowed
    return weights / weights.sum(-1, keepdim=True) @ v


def test_worked_out_on_paper():
    """q = 1 has the feature 2; the keys 0 and 2 have 1 and 3. Weights 2 and 6 of 8: (2·4 + 6·8) / 8 = 7."""
    q, k, v = torch.tensor([[1.0]]), torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [8.0]])
    torch.testing.assert_close(linear_attention(q, k, v), torch.tensor([[7.0]]))


def test_equals_its_dense_form():
    q, k, v = random_qkv(6, 11)
    torch.testing.assert_close(linear_attention(q, k, v), naive(q, k, v, 1.0))
    mask = torch.rand(B, 1, 1, 11) < 0.6
    torch.testing.assert_close(linear_attention(q, k, v, mask), naive(q, k, v, mask))


@pytest.mark.parametrize("chunk_size", [1, 4, 11, 64])
def test_causal_equals_its_dense_form_whatever_the_chunks(chunk_size):
    q, k, v = random_qkv(11, 11)
    expected = naive(q, k, v, torch.ones(11, 11).tril())
    torch.testing.assert_close(linear_attention(q, k, v, is_causal=True, chunk_size=chunk_size), expected)


def test_recurrent_form_equals_the_parallel_one_with_a_state_of_fixed_size():
    q, k, v = random_qkv(11, 11)
    parallel, state = linear_attention(q, k, v, is_causal=True), None
    for t in range(11):
        y, state = linear_attention_step(state, q[:, :, t], k[:, :, t], v[:, :, t])
        torch.testing.assert_close(y, parallel[:, :, t])
        assert state.shape == (B, H, D, 8)


def test_it_is_not_softmax_attention():
    q, k, v = random_qkv(6, 11)
    assert (linear_attention(q, k, v) - scaled_dot_product_attention(q, k, v)).abs().max() > 0.05


def test_nothing_to_attend_to_gives_zero():
    q, k, v = random_qkv(6, 11)
    y = linear_attention(q, k, v, torch.zeros(1, 11, dtype=torch.bool))
    assert torch.equal(y, torch.zeros_like(y))


def test_errors():
    q, k, v = random_qkv(6, 11)
    with pytest.raises(ValueError, match="needs as many queries as keys; got T=6, S=11"):
        linear_attention(q, k, v, is_causal=True)
    with pytest.raises(ValueError, match=r"the same for all queries, \(..., 1, S\); got \(6, 11\)"):
        linear_attention(q, k, v, torch.ones(6, 11, dtype=torch.bool))
    with pytest.raises(ValueError, match="chunk_size must be at least 1; got 0"):
        linear_attention(q, k, v, chunk_size=0)
    with pytest.raises(ValueError, match="same batch and heads"):
        linear_attention(q, k[:, :1], v[:, :1])


class Written(TorchDispatchMode):
    """How many numbers all operations inside write, those of the gradient too."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, arguments=(), settings=None):
        made = function(*arguments, **(settings or {}))
        is_view = any(result.alias_info and not result.alias_info.is_write for result in function._schema.returns)
        if isinstance(made, torch.Tensor) and not is_view:
            self.numbers += made.numel()
        return made


def test_work_and_gradient_grow_with_the_length_and_not_with_its_square():
    written = []
    for n in (1024, 2048, 4096):
        qkv = [torch.randn(1, 1, n, 4, requires_grad=True) for _ in range(3)]
        with Written() as counted:
            linear_attention(*qkv, is_causal=True, chunk_size=16).sum().backward()
        written.append(counted.numbers)
    assert all(1.9 < after / before < 2.1 for before, after in itertools.pairwise(written)), written
