"""Skip-gram: the gradient by hand and by autograd, a training as a loop, what it learns, every documented error."""

import math

import pytest
import torch

from aigc_book.text.vectors.cooccurrence import word_corpus
from aigc_book.text.vectors.skip_gram import SkipGram, keep_probability, negative_sampling, noise_distribution

LN3 = math.log(3)
TINY = {"min_count": 1, "d_model": 3, "window": 2, "threshold": 1e9}


def test_noise_by_hand():
    """Counts 1 and 16 to the power 3/4 are 1 and 8."""
    assert noise_distribution(torch.tensor([1, 16])).tolist() == pytest.approx([1 / 9, 8 / 9])
    assert noise_distribution(torch.tensor([1, 16]), power=1).tolist() == pytest.approx([1 / 17, 16 / 17])
    assert noise_distribution(torch.tensor([1, 16]), power=0).tolist() == pytest.approx([0.5, 0.5])


def test_keep_by_hand():
    """A word of 90 % of the text, t = 0.1: √(0.1/0.9) = 1/3. One of 10 % is always kept."""
    assert keep_probability(torch.tensor([9, 1]), threshold=0.1).tolist() == pytest.approx([1 / 3, 1])


def test_gradient_by_hand():
    """v = (1, 1), a neighbour (ln 3, 0) and a noise word (0, −ln 3): scores ± ln 3, σ = 3/4 and 1/4.
    Both cost −ln 3/4; by v: −1/4 (ln 3, 0) + 1/4 (0, −ln 3); by the neighbour −1/4 v, by the noise word 1/4 v."""
    v, u = torch.tensor([[1.0, 1.0]]), torch.tensor([[LN3, 0.0], [0.0, -LN3]])
    costs, grad_v, grad_u = negative_sampling(v, u, torch.tensor([1.0, 0.0]), torch.ones(1, 2))
    assert costs.flatten().tolist() == pytest.approx([math.log(4 / 3)] * 2)
    assert grad_v.flatten().tolist() == pytest.approx([-LN3 / 4, -LN3 / 4])
    assert grad_u.flatten().tolist() == pytest.approx([-0.25, -0.25, 0.25, 0.25])


def test_gradient_equals_autograd():
    rng = torch.Generator().manual_seed(0)
    v, u = (torch.randn(2, n, 5, generator=rng, requires_grad=True) for n in (3, 7))
    labels = (torch.arange(7) < 4).float()
    weights = torch.rand(2, 3, 7, generator=rng)
    costs, grad_v, grad_u = negative_sampling(v.detach(), u.detach(), labels, weights)
    scores = v @ u.mT
    loss = -(weights * torch.nn.functional.logsigmoid(torch.where(labels > 0, scores, -scores)))
    loss.sum().backward()
    torch.testing.assert_close(weights * costs, loss.detach())
    torch.testing.assert_close(grad_v, v.grad)
    torch.testing.assert_close(grad_u, u.grad)


def test_large_scores_stay_finite():
    costs, grad_v, _ = negative_sampling(
        torch.tensor([[100.0]]), torch.tensor([[100.0]]), torch.zeros(1), torch.ones(1, 1)
    )
    assert costs.item() == pytest.approx(1e4)
    assert grad_v.item() == pytest.approx(100)


def naive_training(sentences, *, d_model, window, n_negatives, epochs, learning_rate, seed):
    """One pair after the other, on a text so short that it is one block; the same random numbers in the same order."""
    corpus = word_corpus(sentences, min_count=1)
    rng = torch.Generator().manual_seed(seed)
    v = (torch.rand(len(corpus.words), d_model, generator=rng) - 0.5) / d_model
    u = torch.zeros_like(v)
    for epoch in range(epochs):
        torch.rand(len(corpus.ids), generator=rng)  # which words are kept: all
        torch.randperm(1, generator=rng)  # the order of the blocks
        radius = torch.randint(1, window + 1, (1, 32), generator=rng)[0]
        drawn = torch.rand(1, 32, generator=rng, dtype=torch.float64)[0]
        negatives = [int((noise_distribution(corpus.counts).cumsum(0) < r).sum()) for r in drawn]
        grad_v, grad_u = torch.zeros_like(v), torch.zeros_like(u)
        for t in range(len(corpus.ids)):
            for s in range(len(corpus.ids)):
                if s == t or abs(s - t) > radius[t] or corpus.sentence[s] != corpus.sentence[t]:
                    continue
                pairs = [(int(corpus.ids[s]), 1, 1.0)] + [(w, 0, n_negatives / 32) for w in negatives]
                for word, label, weight in pairs:
                    slope = weight * (torch.sigmoid(v[corpus.ids[t]] @ u[word]) - label)
                    grad_v[corpus.ids[t]] += slope * u[word]
                    grad_u[word] += slope * v[corpus.ids[t]]
        rate = learning_rate * (1 - epoch / epochs)
        v, u = v - rate * grad_v, u - rate * grad_u
    return v, u


def test_a_training_equals_the_loop():
    sentences = [list("abcab"), list("d"), list("bcddb"), list("acd")]
    how = {"d_model": 3, "window": 2, "n_negatives": 5, "epochs": 4, "learning_rate": 0.02, "seed": 3}
    trained = SkipGram.train(sentences, min_count=1, threshold=1e9, **how)
    v, u = naive_training(sentences, **how)
    torch.testing.assert_close(trained.embeddings.vectors, v)
    torch.testing.assert_close(trained.contexts.vectors, u)


def test_nothing_crosses_from_a_sentence_to_the_next_nor_from_a_block():
    """The words of even sentences never stand beside those of odd ones, over many blocks: no such pair is a neighbour,
    so their scores fall, while the scores of true neighbours rise."""
    sentences = [["a", "b", "a", "b", "a"] if n % 2 else ["c", "d", "c", "d"] for n in range(400)]
    trained = SkipGram.train(sentences, min_count=1, d_model=8, window=2, threshold=1e9, epochs=30, learning_rate=0.05)
    ids = {word: i for i, word in enumerate(trained.embeddings.words)}
    scores = trained.embeddings.vectors @ trained.contexts.vectors.T
    within = min(scores[ids[x], ids[y]] for x, y in ("ab", "ba", "cd", "dc"))
    across = max(scores[ids[x], ids[y]] for x, y in ("ac", "ad", "bc", "bd", "ca", "cb", "da", "db"))
    assert within > across + 1


def toy_text(n: int) -> list[list[str]]:
    rng = torch.Generator().manual_seed(0)
    slots = [["cat", "dog", "cow"], ["eats", "likes", "sees"], ["bread", "fish", "hay"]]
    return [[slot[int(torch.randint(3, (), generator=rng))] for slot in slots] for _ in range(n)]


def test_words_that_can_replace_one_another_become_neighbours():
    trained = SkipGram.train(toy_text(600), min_count=1, d_model=8, threshold=1e9, epochs=30, learning_rate=0.05)
    near = trained.embeddings
    assert {word for word, _ in near.neighbours("cat", 2)} == {"dog", "cow"}
    assert {word for word, _ in near.neighbours("hay", 2)} == {"fish", "bread"}
    assert {word for word, _ in near.neighbours("sees", 2)} == {"eats", "likes"}
    assert trained.losses[-1] < trained.losses[0] - 0.3


def test_an_untrained_model_costs_k_plus_1_times_ln_2():
    trained = SkipGram.train(toy_text(50), min_count=1, n_negatives=7, epochs=1, learning_rate=1e-9)
    assert trained.losses == pytest.approx([8 * math.log(2)], rel=1e-3)


def test_the_same_seed_gives_the_same_vectors():
    once, again, other = (SkipGram.train(toy_text(60), **TINY, epochs=2, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(once.embeddings.vectors, again.embeddings.vectors)
    assert not torch.equal(once.embeddings.vectors, other.embeddings.vectors)
    assert once.losses == again.losses


def test_a_text_whose_words_are_all_left_out_changes_nothing():
    trained = SkipGram.train(toy_text(9), min_count=1, threshold=1e-30)
    assert trained.losses == [0.0] * 5


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("d_model", 0),
        ("window", 0),
        ("n_negatives", -1),
        ("epochs", 0),
        ("threshold", 0.0),
        ("learning_rate", math.nan),
    ],
)
def test_numbers_out_of_range(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be above 0; got {value}"):
        SkipGram.train(toy_text(2), **({"min_count": 1} | {setting: value}))


@pytest.mark.parametrize("sentences", [[], [[]], [["one"]], "a text"])
def test_texts_without_two_words(sentences):
    with pytest.raises(ValueError, match=r"the text must hold|sentences must be"):
        SkipGram.train(sentences, min_count=1)


def test_the_rarest_of_alphabets_and_the_highest_of_rates_stay_finite():
    trained = SkipGram.train(toy_text(900), min_count=1, threshold=1e9, epochs=10, learning_rate=1.0)
    assert trained.losses[-1] < trained.losses[0]
