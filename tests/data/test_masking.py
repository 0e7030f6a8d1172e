"""Hidden tokens: how many, which, what stands there instead, and that nothing else changes."""

import itertools

import pytest
import torch

from aigc_book.data.batches import IGNORED, Batch, RandomWindows, SequentialWindows
from aigc_book.data.masking import Masked, Masking, hide

MASK, V = 4, 53
PLAIN = Masking(MASK, V, special_ids=(0,))


def new_ids(B=7, T=40, seed=0):
    return torch.randint(5, V, (B, T), generator=torch.Generator().manual_seed(seed))


def hidden(masking, ids, seed=1, **options):
    return hide(ids, masking, generator=torch.Generator().manual_seed(seed), **options)


def test_of_forty_tokens_six_are_asked_for():
    """0.15 · 40 = 6 in each sequence; the target is what stood there, and all else is as it was."""
    ids = new_ids()
    batch = hidden(PLAIN, ids)
    chosen = batch.targets != IGNORED
    assert chosen.sum(dim=1).tolist() == [6] * 7
    assert torch.equal(batch.targets[chosen], ids[chosen])
    assert torch.equal(batch.ids[~chosen], ids[~chosen])


def test_the_shares_of_the_rule():
    """Of 40,000 chosen tokens 80 % are [MASK], about 10 % another token and the rest as they were (± 5 σ, 0.6 %)."""
    ids = new_ids(B=1000, T=40)
    batch = hidden(Masking(MASK, V, share=1.0), ids)
    masked = (batch.ids == MASK).float().mean().item()
    same = (batch.ids == ids).float().mean().item()
    assert masked == pytest.approx(0.8, abs=0.01)
    assert same == pytest.approx(0.1 + 0.1 / 52, abs=0.01)  # one random token in 52 is the one that stood there
    assert set(batch.ids.unique().tolist()) == set(range(V))


def test_masked_only_and_unchanged_only():
    ids = new_ids()
    only = hidden(Masking(MASK, V, masked=1.0, random=0.0), ids)
    assert torch.equal(only.ids == MASK, only.targets != IGNORED)
    assert torch.equal(hidden(Masking(MASK, V, masked=0.0, random=0.0), ids).ids, ids)
    replaced = hidden(Masking(MASK, V, masked=0.0, random=1.0, share=1.0), ids).ids
    assert (replaced != MASK).all() and (replaced != ids).float().mean() > 0.9


def test_special_tokens_and_padding_are_never_chosen_nor_drawn():
    ids = new_ids()
    ids[:, ::5], ids[:, 1::5] = 0, MASK
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:, 30:] = False
    batch = hidden(Masking(MASK, V, share=1.0, masked=0.0, random=1.0, special_ids=(0,)), ids, mask=mask)
    chosen = batch.targets != IGNORED
    assert torch.equal(chosen, mask & (ids != 0) & (ids != MASK))
    assert not torch.isin(batch.ids[chosen], torch.tensor([0, MASK])).any()
    assert batch.mask is mask
    who_sees_whom = mask[:, None, :] & mask[:, :, None]  # (B, T, T), as packed examples have it
    packed = hidden(Masking(MASK, V, special_ids=(0,)), ids, mask=who_sees_whom)
    assert not (packed.targets[:, 30:] != IGNORED).any() and (packed.targets != IGNORED).any()


def test_at_least_one_and_every_place_alike():
    batch = hidden(Masking(MASK, V, share=0.001), new_ids(B=6000, T=5))
    chosen = batch.targets != IGNORED
    assert (chosen.sum(dim=1) == 1).all()
    assert chosen.float().mean(dim=0).tolist() == pytest.approx([0.2] * 5, abs=0.03)


def test_same_seed_same_questions_and_inputs_untouched():
    ids = new_ids()
    before = ids.clone()
    one, again, other = hidden(PLAIN, ids), hidden(PLAIN, ids), hidden(PLAIN, ids, seed=2)
    assert torch.equal(one.ids, again.ids) and torch.equal(one.targets, again.targets)
    assert not torch.equal(one.targets, other.targets)
    assert torch.equal(ids, before)


def test_windows_are_masked_anew_each_time_and_a_pass_is_repeated():
    text = new_ids(1, 500)[0]
    endless = Masked(RandomWindows(text, batch_size=2, block_size=20, seed=3), PLAIN, seed=4)
    first, second = next(endless), next(iter(endless))
    assert not torch.equal(first.targets != IGNORED, second.targets != IGNORED)
    passes = Masked(SequentialWindows(text, batch_size=2, block_size=20), PLAIN, seed=4)
    for one, again in itertools.zip_longest(passes, passes):
        assert torch.equal(one.ids, again.ids) and torch.equal(one.targets, again.targets)


def test_going_on_from_a_state():
    def new():
        return Masked(RandomWindows(new_ids(1, 500)[0], batch_size=2, block_size=20, seed=3), PLAIN, seed=4)

    batches = new()
    next(batches)
    state, expected = batches.state_dict(), next(batches)
    resumed = new()
    resumed.load_state_dict(state)
    assert torch.equal(next(resumed).targets, expected.targets)
    with pytest.raises(ValueError, match=r"expected batches and random_state, got \['drawn'\]"):
        resumed.load_state_dict({"drawn": 1})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(share=0.0), r"share must be in \(0, 1\]; got 0.0"),
        (dict(share=1.5), r"share must be in \(0, 1\]; got 1.5"),
        (dict(masked=0.8, random=0.3), "at most 1 together; got masked=0.8, random=0.3"),
        (dict(random=-0.1), "must be at least 0"),
        (dict(special_ids=(53,)), "a special id must be from 0 to vocab_size - 1 = 52; got 53"),
        (dict(special_ids=range(53)), "all 53 tokens are special"),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Masking(MASK, V, **settings)


def test_sequences_that_are_refused():
    with pytest.raises(ValueError, match="mask_id must be from 0 to vocab_size - 1 = 52; got 60"):
        Masking(60, V)
    ids = new_ids(3, 5)
    ids[1] = MASK
    with pytest.raises(ValueError, match="sequence 1 has none"):
        hidden(PLAIN, ids)
    with pytest.raises(ValueError, match="got 5 to 99"):
        hidden(PLAIN, torch.tensor([[5, 99]]))
    with pytest.raises(ValueError, match=r"mask must be boolean of shape \(7, 40\)"):
        hidden(PLAIN, new_ids(), mask=torch.ones(7, 40))
    with pytest.raises(ValueError, match=r"whole numbers of shape \(B, T\)"):
        hidden(PLAIN, torch.zeros(5))
    assert isinstance(hidden(PLAIN, new_ids()), Batch)
