"""Recurrent layers: a state that is carried from token to token. The simple RNN, the LSTM and the GRU.

::

    RNN     h_t = tanh(W x_t + b + U h_{t-1} + b')
    LSTM    i, f, o = σ(…) and g = tanh(…), where each … is W x_t + b + U h_{t-1} + b' with rows of its own
            c_t = f ⊙ c_{t-1} + i ⊙ g,   h_t = o ⊙ tanh(c_t)
    GRU     r, z = σ(…),  n = tanh(W_n x_t + b_n + r ⊙ (U_n h_{t-1} + b'_n))
            h_t = (1 − z) ⊙ n + z ⊙ h_{t-1}

Source: Elman 1990, *Finding structure in time*; Hochreiter and Schmidhuber 1997, *Long short-term memory*, with the
forget gate of Gers, Schmidhuber and Cummins 2000; Cho et al. 2014 for the GRU, whose r acts on h_{t-1} before the
product with U_n: here, as in ``nn.GRU``, it acts on the product.

Weights have the shapes and the order of gates of ``torch.nn``'s layers, so that they can be copied either way.
Shape letters: B batch, T tokens, C ``d_model``, G gates of a cell (1, 4 or 3).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aigc_book.layers.inputs import check_mask
from aigc_book.layers.linear import Linear

State = tuple[Tensor, ...]  # what a layer carries from token to token: (h,), or (h, c) for an LSTM; each is (B, C)


def rnn_step(from_input: Tensor, from_state: Tensor, state: State) -> State:
    """One step of the simple RNN.

    Args:
        from_input: W x_t + b, (B, C).
        from_state: U h_{t-1} + b', (B, C).
        state: (h_{t-1},), of (B, C).

    Returns:
        the new state, (h_t,).
    """
    return (torch.tanh(from_input + from_state),)


def lstm_step(from_input: Tensor, from_state: Tensor, state: State) -> State:
    """One step of the LSTM, as in :func:`rnn_step`, with products of (B, 4 C) for i, f, g, o, and the state (h, c)."""
    _, c = state
    i, f, g, o = (from_input + from_state).chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(from_input: Tensor, from_state: Tensor, state: State) -> State:
    """One step of the GRU, as in :func:`rnn_step`, with products of (B, 3 C) for r, z, n."""
    (h,) = state
    r_x, z_x, n_x = from_input.chunk(3, dim=-1)
    r_h, z_h, n_h = from_state.chunk(3, dim=-1)
    r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
    n = torch.tanh(n_x + r * n_h)
    return (n + z * (h - n),)


@dataclass(frozen=True)
class _Cell:
    step: Callable[[Tensor, Tensor, State], State]
    n_gates: int  # G: how many times C rows W and U have
    n_states: int  # how many tensors are carried


CELLS = {"rnn": _Cell(rnn_step, 1, 1), "lstm": _Cell(lstm_step, 4, 2), "gru": _Cell(gru_step, 3, 1)}


def check_cell(cell: str) -> None:
    """Raise a ValueError unless the name is one of ``CELLS``."""
    if cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS)}; got {cell!r}")


class RecurrentLayer(nn.Module):
    """One layer: a cell that goes over a sequence and gives its state h after every token.

    The products W x_t + b don't depend on the state, so they are computed for all tokens in one matrix product; only
    U h_{t-1} + b' has to wait for the step before.

    Args:
        d_in: width of the inputs.
        d_model: C, width of the state.
        cell: rnn, lstm or gru.

    Initial values are uniform in ±1/√C, as in ``torch.nn``.

    Raises:
        ValueError: a width below 1, or an unknown cell.
    """

    def __init__(self, d_in: int, d_model: int, cell: str = "lstm"):
        super().__init__()
        check_cell(cell)
        if d_in < 1 or d_model < 1:
            raise ValueError(f"d_in and d_model must be at least 1; got d_in={d_in}, d_model={d_model}")
        self.d_in, self.d_model, self.cell = d_in, d_model, cell
        rows = CELLS[cell].n_gates * d_model
        self.input = Linear(d_in, rows)  # W and b
        self.recurrent = nn.Linear(d_model, rows)  # U and b'
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw new initial values from torch's global generator."""
        bound = 1 / math.sqrt(self.d_model)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def new_state(self, batch_size: int) -> State:
        """The state before the first token: zeros, (B, C) each."""
        zeros = next(self.parameters()).new_zeros(batch_size, self.d_model)
        return (zeros,) * CELLS[self.cell].n_states

    def forward(self, x: Tensor, state: State | None = None, *, mask: Tensor | None = None) -> tuple[Tensor, State]:
        """Go over a sequence.

        Args:
            x: (B, T, d_in).
            state: what was carried so far; zeros if None.
            mask: (B, T) boolean, False where x is padding, which leaves the state as it is. None: no padding.

        Returns:
            h after every token, (B, T, C), and the last state.

        Raises:
            ValueError: x that isn't (B, T, d_in), or a state or a mask of another shape.
        """
        if x.dim() != 3 or x.size(2) != self.d_in:
            raise ValueError(f"x must be (B, T, d_in={self.d_in}); got {tuple(x.shape)}")
        B, T, _ = x.shape
        cell = CELLS[self.cell]
        state = self.new_state(B) if state is None else state
        if [tuple(part.shape) for part in state] != [(B, self.d_model)] * cell.n_states:
            shapes = [tuple(part.shape) for part in state]
            raise ValueError(f"state must be {cell.n_states} tensors of shape {(B, self.d_model)}; got {shapes}")
        check_mask(mask, (B, T))
        from_inputs = self.input(x.transpose(0, 1))  # (T, B, G C): all tokens at once
        outputs = []
        for t, from_input in enumerate(from_inputs.unbind()):
            new = cell.step(from_input, self.recurrent(state[0]), state)
            if mask is not None:
                real = mask[:, t, None]
                new = tuple(torch.where(real, after, before) for after, before in zip(new, state, strict=True))
            state = new
            outputs.append(state[0])
        return torch.stack(outputs, dim=1) if outputs else x.new_zeros(B, 0, self.d_model), state
