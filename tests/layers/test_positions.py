"""Position codes against their closed forms and the laws that make them useful."""

import copy
import math
import pickle

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from aigc_book.layers import positions as codes
from aigc_book.layers.context import Context
from aigc_book.layers.kv_cache import KVCache
from aigc_book.layers.positions import (
    POSITIONS,
    LearnedPositions,
    alibi_bias,
    alibi_slopes,
    apply_rotary,
    check_positions,
    new_positions,
    rotary_angles,
    sinusoidal,
    sinusoidal_2d,
)


def test_sinusoidal_entry_by_entry():
    code = sinusoidal(7, 6)
    for p in range(7):
        for i in range(3):
            angle = p / 10_000 ** (2 * i / 6)
            assert code[p, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-7)
            assert code[p, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-7)


def test_a_shift_of_the_sinusoidal_code_is_one_rotation_for_all_positions():
    """PE(p + 5) = PE(p) M, with the blocks [[cos, -sin], [sin, cos]] of the angle 5 / 10000^(2i/C) in M."""
    d_model, shift = 22, 5
    code = sinusoidal(100, d_model).double()
    rotation = torch.zeros(d_model, d_model, dtype=torch.float64)
    for i in range(d_model // 2):
        a = shift / 10_000 ** (2 * i / d_model)
        rotation[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor(
            [[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]
        )
    torch.testing.assert_close(code[shift:], code[:-shift] @ rotation, atol=1e-6, rtol=0)


def test_sinusoidal_2d_is_the_row_code_beside_the_column_code():
    code = sinusoidal_2d(3, 5, 8)
    assert code.shape == (3, 5, 8)
    torch.testing.assert_close(code[2, :, :4], sinusoidal(3, 4)[2].expand(5, 4))
    torch.testing.assert_close(code[:, 3, 4:], sinusoidal(5, 4)[3].expand(3, 4))


def test_learned_positions_look_up_rows():
    torch.manual_seed(0)
    positions, x = LearnedPositions(7, 3), torch.randn(1, 2, 3)
    y, _ = positions(x, Context(torch.tensor([[3, 6, 0]])))  # the last two are new
    torch.testing.assert_close(y, x + positions.weight[[6, 0]][None])


def test_rotary_turns_pairs_by_their_angle():
    """Width 4, position 3: pair 0 (columns 0 and 2) turns by 3, pair 1 (columns 1 and 3) by 3 / 10000^(2/4) = 0.03."""
    x = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4)
    turned = apply_rotary(x, *rotary_angles(torch.tensor([3]), 4)).flatten()
    expected = torch.tensor([math.cos(3), math.cos(0.03), math.sin(3), math.sin(0.03)])
    torch.testing.assert_close(turned, expected)


def test_rotary_products_depend_on_the_offset_only():
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 22, dtype=torch.float64)

    def product(m, n):
        turned = [apply_rotary(x, *rotary_angles(torch.tensor([p]), 22)) for x, p in ((q, m), (k, n))]
        return (turned[0] * turned[1]).sum().item()

    assert product(13, 6) == pytest.approx(product(107, 100), abs=1e-5)
    assert abs(product(13, 6) - product(13, 7)) > 1e-2


def test_rotary_keeps_length_and_leaves_position_zero():
    torch.manual_seed(0)
    x = torch.randn(2, 5, 3, 8)
    turned = apply_rotary(x, *rotary_angles(torch.arange(5), 8))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[:, 0], x[:, 0])


def test_rotary_positions_may_differ_between_rows():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 1, 4)
    positions = torch.tensor([[0, 1, 2], [5, 6, 7]])
    turned = apply_rotary(x, *rotary_angles(positions, 4))
    for row in range(2):
        alone = apply_rotary(x[row : row + 1], *rotary_angles(positions[row], 4))
        torch.testing.assert_close(turned[row : row + 1], alone)


def test_alibi_slopes_of_the_paper():
    """Section 3: eight heads have 1/2, 1/4, …, 1/256; twelve have these, then every other slope of sixteen heads."""
    assert alibi_slopes(8).tolist() == [2.0**-i for i in range(1, 9)]
    twelve = [2.0**-i for i in range(1, 9)] + [2 ** -(i + 0.5) for i in range(4)]
    torch.testing.assert_close(alibi_slopes(12), torch.tensor(twelve))


def test_alibi_bias_is_minus_slope_times_distance_from_the_last_queries():
    bias = alibi_bias(2, 2, 4)  # slopes 1/16 and 1/256; queries at positions 2 and 3
    expected = torch.tensor([[2.0, 1.0, 0.0, 1.0], [3.0, 2.0, 1.0, 0.0]])
    torch.testing.assert_close(bias, -torch.stack((expected / 16, expected / 256)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sinusoidal(3, 5), "d_model must be a positive multiple of 2; got d_model=5"),
        (lambda: sinusoidal_2d(3, 3, 6), "d_model must be a positive multiple of 4; got d_model=6"),
        (lambda: rotary_angles(torch.arange(3), 7), "d_head must be a positive multiple of 2; got d_head=7"),
        (lambda: alibi_slopes(0), "n_heads must be positive; got 0"),
    ],
)
def test_widths_that_cannot_be_paired_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The codes as modules


def call(code, T, cached=0, mask=None, C=8):
    """What a code makes of T new tokens behind so many others: what it adds, its turn and its bias."""
    B = 1 if mask is None else len(mask)
    cache = KVCache(1, B, 1, cached + T, 2) if cached else None
    if cache is not None:
        cache.advance(cached)
    x = torch.zeros(B, T, C)
    y, context = code(x, Context.of(torch.zeros(B, T, dtype=torch.long), mask, cache=cache))
    return y, context


def test_each_code_does_one_thing():
    done = {}
    for name in POSITIONS:
        y, context = call(new_positions(name, 11, 8, 2), 5)
        done[name] = (bool(y.any()), context.turn is not None, context.bias is not None)
    assert done == {
        "learned": (True, False, False),
        "sinusoidal": (True, False, False),
        "rotary": (False, True, False),
        "alibi": (False, False, True),
        "none": (False, False, False),
    }


def test_codes_are_their_formulas():
    added, _ = call(new_positions("sinusoidal", 11, 8, 2), 3, cached=4)
    torch.testing.assert_close(added[0], sinusoidal(7, 8)[4:])
    _, context = call(new_positions("rotary", 11, 8, 2, base=500.0), 3, cached=4)
    for ours, formula in zip(context.turn, rotary_angles(torch.arange(4, 7), 4, base=500.0), strict=True):
        torch.testing.assert_close(ours, formula)
    _, context = call(new_positions("alibi", 11, 8, 2), 3, cached=4)
    torch.testing.assert_close(context.bias, alibi_bias(2, 3, 7))


@pytest.mark.parametrize("name", POSITIONS)
def test_padding_does_not_count(name):
    """Rows [pad, pad, a, b] and [a, pad, pad, b] stand where [a, b] stands."""
    torch.manual_seed(0)
    code = new_positions(name, 11, 8, 2)
    mask = torch.tensor([[0, 0, 1, 1], [1, 0, 0, 1]], dtype=torch.bool)
    alone, alone_context = call(code, 2)
    padded, context = call(code, 4, mask=mask)
    for row in range(2):
        real = mask[row].nonzero().flatten()
        torch.testing.assert_close(padded[row, real], alone[0])
        if context.turn is not None:
            for ours, expected in zip(context.turn, alone_context.turn, strict=True):
                torch.testing.assert_close(ours[row, real], expected)
        if context.bias is not None:
            torch.testing.assert_close(context.bias[row][:, real][:, :, real], alone_context.bias)


@pytest.mark.parametrize("name", POSITIONS)
def test_tables_are_made_once(name, monkeypatch):
    made = []

    def counted(function):
        def wrapper(*args, **kwargs):
            made.append(function.__name__)
            return function(*args, **kwargs)

        return wrapper

    for function in (sinusoidal, rotary_angles, alibi_slopes):
        monkeypatch.setattr(codes, function.__name__, counted(function))
    code = new_positions(name, 11, 8, 2)
    for cached in range(1, 10):
        call(code, 1, cached=cached)
    assert len(made) == (1 if name in ("sinusoidal", "rotary", "alibi") else 0)


@pytest.mark.parametrize("name", POSITIONS)
def test_a_table_made_without_gradients_serves_training(name):
    code = new_positions(name, 11, 8, 2)
    with torch.inference_mode():
        call(code, 5)
    x = torch.randn(1, 5, 8, requires_grad=True)
    y, context = code(x, Context.of(torch.zeros(1, 5, dtype=torch.long)))
    if context.turn is not None:
        y = apply_rotary(y.unflatten(-1, (2, 4)), *context.turn)
    y.square().sum().backward()
    assert x.grad.any()


@pytest.mark.parametrize("name", POSITIONS)
def test_codes_can_be_copied_and_pickled(name):
    torch.manual_seed(0)
    code = new_positions(name, 11, 8, 2)
    expected, _ = call(code, 5)
    for again in (copy.deepcopy(code), pickle.loads(pickle.dumps(code))):
        assert torch.equal(call(again, 5)[0], expected)


class NoFloat64(TorchDispatchMode):
    """As on a Mac's GPU: everything in float64 stays on the CPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple) else (result,):
            if isinstance(tensor, torch.Tensor) and tensor.device.type != "cpu":
                assert tensor.dtype != torch.float64, function
        return result


@pytest.mark.parametrize("name", POSITIONS)
def test_no_float64_on_the_device(name):
    """The meta device stands for one that has no float64, and for any other device than where a table was first."""
    code = new_positions(name, 11, 8, 2)
    call(code, 5)
    ids, x = torch.zeros(1, 5, dtype=torch.long, device="meta"), torch.zeros(1, 5, 8, device="meta")
    with NoFloat64():
        y, context = code.to("meta")(x, Context.of(ids))
    for tensor in (y, context.bias, *(context.turn or ())):
        assert tensor is None or tensor.device.type == "meta"


def test_a_code_is_added_in_one_place(monkeypatch):
    """A new name in the table is all that a GPT and an encoder–decoder need."""
    from aigc_book.models.gpt import GPT, GPTConfig
    from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig

    class Slow(codes.RotaryPositions):
        """Counts in quarters."""

        def __init__(self, max_seq_len, d_model, n_heads, base=10_000.0):
            super().__init__(max_seq_len, d_model, n_heads, base)
            self.table = codes.Table(lambda: rotary_angles(torch.arange(max_seq_len) / 4, d_model // n_heads))

    with pytest.raises(ValueError, match=r"position must be one of learned, .*; got 'slow'"):
        GPTConfig(position="slow")
    monkeypatch.setitem(POSITIONS, "slow", Slow)
    torch.manual_seed(0)
    sizes = dict(vocab_size=7, max_seq_len=9, d_model=8, n_heads=2, position="slow")
    ids = torch.randint(7, (2, 9))
    assert GPT(GPTConfig(n_layers=1, **sizes))(ids).shape == (2, 9, 7)
    pair = EncoderDecoder(Seq2SeqConfig(7, n_encoder_layers=1, n_decoder_layers=1, **sizes))
    assert pair(ids, ids).shape == (2, 9, 7)
    with pytest.raises(ValueError, match="rotary positions need an even d_model / n_heads; got 1"):
        GPTConfig(d_model=2, n_heads=2, position="slow")


def test_checking_a_code_draws_no_random_numbers():
    before = torch.get_rng_state()
    for name in POSITIONS:
        check_positions(name, 8, 2)
    assert torch.equal(torch.get_rng_state(), before)
