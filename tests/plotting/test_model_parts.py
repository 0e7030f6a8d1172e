"""Drawings of the parts of models: everything that was asked for is there, once."""

import pytest

from aigc_book import plotting


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_a_neuron_shows_its_inputs_weights_sum_and_output():
    shown = texts(plotting.neuron(["x_1", "x_2"], ["w_1", "w_2"], activation="ReLU"))
    assert shown == [r"$\Sigma$", "$x_1$", "$w_1$", "$x_2$", "$w_2$", "$1$", "$b$", "$ReLU$", "$y$", "$z$"]
    assert "$1$" not in texts(plotting.neuron(["x"], ["w"], bias=""))


@pytest.mark.parametrize(("inputs", "weights"), [([], []), (["x"], ["w", "v"])])
def test_a_neuron_needs_a_weight_for_each_input(inputs, weights):
    with pytest.raises(ValueError, match=f"got {len(inputs)} inputs, {len(weights)} weights"):
        plotting.neuron(inputs, weights)


@pytest.mark.parametrize(
    ("cross", "halves"),
    [(False, ["self-attention", "feed-forward"]), (True, ["self-attention", "attention to memory", "feed-forward"])],
)
@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_has_a_norm_and_a_residual_connection_for_each_half(norm_first, cross, halves):
    figure = plotting.transformer_block(norm_first=norm_first, cross=cross)
    shown = texts(figure)
    assert [text for text in shown if text in halves] == halves
    assert shown.count("norm") == shown.count("residual") == shown.count("+") == len(halves)
    assert ("memory" in shown) == cross
    height = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts}
    last_norm = max(t.get_position()[1] for t in figure.axes[0].texts if t.get_text() == "norm")
    assert (last_norm < height["feed-forward"]) == norm_first


def test_attention_names_every_matrix_with_its_shape():
    shown = texts(plotting.attention_shapes(length="5", width="8", head="4"))
    assert {"$X$", "$Q$", "$K$", "$V$", "$Y$", "weights"} <= set(shown)
    assert shown.count("(5, 4)") == 4 and shown.count("(5, 8)") == 1 and shown.count("(5, 5)") == 1


def test_every_query_head_is_served_by_one_key_head():
    figure = plotting.grouped_heads(6, [6, 2, 1])
    shown = texts(figure)
    assert [shown.count(f"$q_{{{h}}}$") for h in range(1, 7)] == [3] * 6
    assert [shown.count(f"$k_{{{g}}}$") for g in (1, 2, 3)] == [3, 2, 1]
    arrows = [t for t in figure.axes[0].texts if t.get_text() == ""]
    assert len(arrows) == 3 * 6
    for groups in ([4], [0], []):
        with pytest.raises(ValueError, match="key heads must divide the 6 query heads"):
            plotting.grouped_heads(6, groups)


def test_a_cache_computes_every_token_once():
    figure = plotting.growing_cache(["the", "cat", "sat", "on", "a"], 3, 6)
    assert [text for text in texts(figure) if text.startswith("step")] == ["step 1", "step 2", "step 3"]
    colors = [patch.get_facecolor() for patch in figure.axes[0].patches]
    assert len(colors) == 3 * 6
    assert sum(color == colors[0] for color in colors) == 5  # computed: the prompt's three, and two more
    for tokens, n_prompt, n_places in ((["a"], 0, 3), (["a"], 2, 3), (["a", "b"], 1, 1)):
        with pytest.raises(ValueError, match=f"got a prompt of {n_prompt}"):
            plotting.growing_cache(tokens, n_prompt, n_places)
