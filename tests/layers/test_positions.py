"""Position codes against their closed forms and the laws that make them useful."""

import math

import pytest
import torch

from aigc_book.layers.positions import (
    LearnedPositions,
    alibi_bias,
    alibi_slopes,
    apply_rotary,
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
    positions = LearnedPositions(7, 3)
    torch.testing.assert_close(positions(torch.tensor([[6, 0]])), positions.weight[[6, 0]][None])


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
