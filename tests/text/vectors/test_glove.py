"""GloVe: the objective by hand and by autograd, a training as a loop, what it learns, every documented error."""

import math

import pytest
import torch

from aigc_book.text.vectors.cooccurrence import cooccurrences, word_corpus
from aigc_book.text.vectors.glove import GloVe, glove_objective, glove_weight


def toy_text(n: int) -> list[list[str]]:
    rng = torch.Generator().manual_seed(0)
    slots = [["cat", "dog", "cow"], ["eats", "likes", "sees"], ["bread", "fish", "hay"]]
    return [[slot[int(torch.randint(3, (), generator=rng))] for slot in slots] for _ in range(n)]


def test_weight_by_hand():
    """(1/16)^(3/4) = 1/8, and from x_max on 1."""
    assert glove_weight(torch.tensor([1.0, 16.0, 99.0]), x_max=16).tolist() == pytest.approx([1 / 8, 1, 1])
    assert glove_weight(torch.tensor([4.0]), x_max=16, alpha=0.5).item() == pytest.approx(0.5)


def test_objective_of_three_words_by_hand():
    """Two pairs of three words, C = 1. Pair 1: 2 · ½ + 0.3 + 0.2 = 1.5 and x = 1: error 1.5, weight 1/8, term 0.28125.
    Pair 2: 2 · 1 + 0.3 − 0.3 = 2 and x = e²: error 0. Half the gradients of pair 1: slope 1.5/8 = 0.1875 times
    (½, 1, 0) by v and (2, 0, 1) by u, in the order vector, bias, one."""
    v = torch.tensor([[2.0, 0.3, 1.0]] * 2)
    u = torch.tensor([[0.5, 1.0, 0.2], [1.0, 1.0, -0.3]])
    x = torch.tensor([1.0, math.e**2])
    terms, grad_v, grad_u = glove_objective(v, u, x, glove_weight(x, x_max=16))
    assert terms.tolist() == pytest.approx([0.28125, 0], abs=1e-6)
    assert grad_v[0].tolist() == pytest.approx([0.09375, 0.1875, 0])
    assert grad_u[0].tolist() == pytest.approx([0.375, 0, 0.1875])
    assert grad_v[1].tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def test_gradients_equal_half_of_autograd():
    rng = torch.Generator().manual_seed(0)
    v, u = torch.randn(2, 7, 5, generator=rng)
    v[:, -1], u[:, -2] = 1, 1
    v.requires_grad_(), u.requires_grad_()
    x, weight = torch.rand(2, 7, generator=rng) + 0.1
    (weight * ((v * u).sum(-1) - x.log()) ** 2).sum().backward()
    _, grad_v, grad_u = glove_objective(v.detach(), u.detach(), x, weight)
    torch.testing.assert_close(grad_v[:, :-1], v.grad[:, :-1] / 2)
    torch.testing.assert_close(grad_u[:, [0, 1, 2, 4]], u.grad[:, [0, 1, 2, 4]] / 2)
    assert grad_v[:, -1].abs().max() == grad_u[:, -2].abs().max() == 0


def test_a_training_equals_the_loop():
    """The text has fewer entries than a step: each epoch is one step of AdaGrad on the summed gradient."""
    sentences = toy_text(20)
    corpus = word_corpus(sentences, min_count=1)
    x = torch.zeros(9, 9).index_put(cooccurrences(corpus, window=2)[:2], cooccurrences(corpus, window=2)[2])
    start = (torch.rand(2, 9, 5, generator=torch.Generator().manual_seed(4)) - 0.5) / 3
    v, u, b, b2 = start[0, :, :3], start[1, :, :3], start[0, :, 3], start[1, :, 4]
    parameters = [p.clone().requires_grad_() for p in (v, u, b, b2)]
    optimizer = torch.optim.Adagrad(parameters, lr=0.1, initial_accumulator_value=1, eps=0)
    losses = []
    for _ in range(3):
        v, u, b, b2 = parameters
        there = x > 0
        error = (v @ u.T + b[:, None] + b2)[there] - x[there].log()
        terms = (x[there] / 50).clamp(max=1) ** 0.75 * error**2
        losses.append(terms.mean().item())
        optimizer.zero_grad()
        (terms.sum() / 2).backward()
        optimizer.step()
    trained = GloVe.train(sentences, d_model=3, window=2, min_count=1, x_max=50, epochs=3, learning_rate=0.1, seed=4)
    assert trained.losses == pytest.approx(losses, rel=1e-5)
    torch.testing.assert_close(trained.embeddings.vectors, (parameters[0] + parameters[1]).detach())
    torch.testing.assert_close(trained.contexts.vectors, parameters[1].detach())


def test_words_that_stand_beside_the_same_words_become_neighbours():
    """GloVe sees no pair that never occurs, so the text has all of them: nine in ten within a group, one across."""
    rng = torch.Generator().manual_seed(0)
    groups = [
        (["cat", "dog", "cow"], ["eats", "sleeps", "runs"]),
        (["ball", "stone", "egg"], ["rolls", "breaks", "lies"]),
    ]
    sentences = []
    for _ in range(2000):
        i, j, subject = torch.randint(3, (3,), generator=rng).tolist()
        about = subject % 2
        does = about if float(torch.rand((), generator=rng)) < 0.9 else 1 - about
        sentences.append([groups[about][0][i], groups[does][1][j]])
    trained = GloVe.train(sentences, min_count=1, d_model=5, window=2, x_max=10, epochs=100, learning_rate=0.1)
    assert {word for word, _ in trained.embeddings.neighbours("cat", 5)} == {"dog", "cow", "eats", "sleeps", "runs"}
    assert {word for word, _ in trained.contexts.neighbours("cat", 2)} == {"dog", "cow"}
    assert trained.losses[-1] < 0.05 * trained.losses[0]


def test_the_same_seed_gives_the_same_vectors():
    once, again, other = (GloVe.train(toy_text(20), min_count=1, epochs=2, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(once.embeddings.vectors, again.embeddings.vectors)
    assert not torch.equal(once.embeddings.vectors, other.embeddings.vectors)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("d_model", 0), ("window", -2), ("x_max", 0.0), ("alpha", -1.0), ("epochs", 0), ("learning_rate", 0.0)],
)
def test_numbers_out_of_range(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be above 0; got {value}"):
        GloVe.train(toy_text(2), **({"min_count": 1} | {setting: value}))


@pytest.mark.parametrize("sentences", [[], [[]], [["one"]], [["a"], ["b"]], "a text"])
def test_texts_without_two_words(sentences):
    with pytest.raises(ValueError, match=r"the text must hold|sentences must be"):
        GloVe.train(sentences, min_count=1)
