"""Stop sequences and constraints in generation: by hand, against transformers, laws, errors."""

import random

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from aigc_book.decoding import GREEDY, Sampling, generate, stream
from aigc_book.decoding.constraints import constrain
from aigc_book.decoding.sampling import distribution
from aigc_book.decoding.stopping import Stopping
from tests.decoding.test_generate import Counter, new_ids, new_model

LETTERS = "abcdefghijk"  # the Counter's eleven tokens


def decode(ids):
    return "".join(LETTERS[i] for i in ids)


# Stop sequences


def test_a_row_ends_with_the_sequence():
    model = Counter()
    assert generate(model, [3], 9, stop_sequences=[[6, 7]]).tolist() == [3, 4, 5, 6, 7]
    assert generate(model, [3], 9, stop_sequences=[[6, 8], [5, 6, 7], [9]]).tolist() == [3, 4, 5, 6, 7]
    assert generate(model, [3], 9, stop_sequences=[[5, 6]], stop_ids=5).tolist() == [3, 4, 5]
    assert generate(model, [3], 9, stop_sequences=["gh"], decode=decode).tolist() == [3, 4, 5, 6, 7]
    assert generate(model, [3], 2, stop_sequences=[[5, 6]]).tolist() == [3, 4, 5]  # the limit may cut one
    rows = generate(model, torch.tensor([[3], [8]]), 9, stop_sequences=[[6, 7]], pad_id=1)
    assert rows.tolist() == [[3, 4, 5, 6, 7, 1, 1, 1, 1, 1], [8, 9, 10, 0, 1, 2, 3, 4, 5, 6]]
    ragged = generate(model, [[3], [8, 10]], 9, stop_sequences=[[6, 7], "cd"], decode=decode)
    assert [row.tolist() for row in ragged] == [[3, 4, 5, 6, 7], [8, 10, 0, 1, 2, 3]]


def test_a_sequence_in_the_prompt_stops_nothing():
    """Nor does one that begins there."""
    for stops in ([[5, 6]], [[6, 7]]):
        assert generate(Counter(), [5, 6], 3, stop_sequences=stops).tolist() == [5, 6, 7, 8, 9]


def watch(model, ids, n, **settings):
    """After how many runs of the model each token came."""
    return [(token.tolist(), len(model.calls)) for token in stream(model, ids, n, **settings)]


def test_a_stream_holds_back_what_may_be_half_a_stop():
    """5 and 6 begin 5 6 9, so 5 waits for 6 and both for 7; 7 shows that they were none. 8 begins the other one."""
    came = watch(Counter(), [3], 6, stop_sequences=[[5, 6, 9], [8, 9]])
    assert came == [(4, 1), (5, 4), (6, 4), (7, 4), (8, 6), (9, 6)]
    assert watch(Counter(), [3], 3, stop_sequences=[[5, 6, 9]]) == [(4, 1), (5, 3), (6, 3)]  # no more: no stop
    texts = watch(Counter(), [3], 6, stop_sequences=["fgj", "ij"], decode=decode)
    assert texts == came


def test_no_stop_is_cut_in_two_by_another_row():
    """Row 0 completes 5 6 while row 1 holds 3 back: 5 and 6 come together."""
    came = watch(Counter(), [[4], [1]], 4, stop_sequences=[[5, 6], [3, 4, 9]])
    assert came == [([5, 2], 4), ([6, 3], 4), ([0, 4], 4), ([0, 5], 4)]


def test_a_stream_gives_what_generate_gives():
    model, ids = new_model(), new_ids()
    rows = generate(model, ids, 20, seed=3)
    stops = [rows[0, 12:14].tolist(), rows[1, 9:12].tolist()]
    expected = generate(model, ids, 20, seed=3, stop_sequences=stops)
    assert torch.equal(torch.stack(list(stream(model, ids, 20, seed=3, stop_sequences=stops)), dim=1), expected[:, 7:])
    for row, free in zip(generate(model, [*ids], 20, seed=3, stop_sequences=stops), rows, strict=True):
        assert torch.equal(row, free[: len(row)])
        assert len(row) == 27 or any(row[-len(stop) :].tolist() == stop for stop in stops)


def test_bytes_of_a_character():
    """ "é" has two bytes. After the first, the text ends in U+FFFD, which may still become the é of the stop "é!"."""
    data = "aé!".encode()

    def text(ids):
        return bytes(data[i] for i in ids).decode(errors="replace")

    stopping = Stopping(1, [], ["é!"], text)
    held = []
    for token in range(4):
        stopping.read([token])
        held.append(stopping.held)
    assert held == [0, 1, 2, 0]
    assert stopping.ended == [True] and stopping.lengths == [4]


def test_texts_as_transformers(tmp_path):
    """The same tokens up to the same stop, where tokens are pieces of one to three letters and stops run across."""
    rng = random.Random(0)
    pieces = [*"abcdef"]
    while len(pieces) < 61:
        piece = "".join(rng.choices("abc", k=rng.randrange(2, 5)))
        if piece not in pieces:
            pieces.append(piece)
    words = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="a"))
    words.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    words.decoder = decoders.Fuse()
    theirs_tokens = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="a")
    model = new_model()
    model.save_pretrained(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    for stops in (["abcab"], ["ccc", "baab"], ["b"], ["acbacb", "cccc"]):
        for start in (3, 14, 27):
            found = theirs.generate(
                torch.tensor([[start]]),
                attention_mask=torch.ones(1, 1, dtype=torch.long),
                max_new_tokens=25,
                do_sample=False,
                pad_token_id=0,
                stop_strings=stops,
                tokenizer=theirs_tokens,
            )[0]
            ours = generate(
                model, [start], 25, GREEDY, stop_sequences=stops, decode=lambda ids: "".join(pieces[i] for i in ids)
            )
            new = "".join(pieces[i] for i in ours[1:])
            if any(stop in new for stop in stops) or len(found) == 26:  # theirs counts what begins in the prompt too
                assert ours.tolist() == found.tolist()


# Constraints


def only(*tokens, V=11):
    mask = torch.zeros(V, dtype=torch.bool)
    mask[list(tokens)] = True
    return mask


def test_only_what_is_allowed_comes():
    model = Counter()
    seen = []

    def even(ids):
        seen.append(ids.tolist())
        ids.zero_()  # harms nobody
        return only(0, 2, 4, 6, 8, 10)

    # After 2, 3 would come (50), then 4 (20). After 10, 0 would, which is even too.
    assert generate(model, [2], 5, GREEDY, allowed=even).tolist() == [2, 4, 6, 8, 10, 0]
    assert seen == [[2], [2, 4], [2, 4, 6], [2, 4, 6, 8], [2, 4, 6, 8, 10]]
    seen.clear()
    ragged = generate(model, [[2], [4, 6]], 2, GREEDY, allowed=even, stop_ids=4)
    assert [row.tolist() for row in ragged] == [[2, 4], [4, 6, 8, 10]]
    assert seen == [[2], [4, 6], [4, 6, 8]]  # no padding, and a row that has ended isn't asked
    assert [t.item() for t in stream(model, [2], 3, GREEDY, allowed=even)] == [4, 6, 8]


def test_constraints_as_transformers(tmp_path):
    model = new_model()
    model.save_pretrained(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    ids = new_ids()

    def choices(so_far):
        return [i for i in range(61) if (i + int(so_far[-1]) + len(so_far)) % 3 == 0]

    found = theirs.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=15,
        do_sample=False,
        pad_token_id=0,
        repetition_penalty=1.3,
        prefix_allowed_tokens_fn=lambda _, so_far: choices(so_far),
    )
    greedy = Sampling(temperature=0, repetition_penalty=1.3)
    assert torch.equal(generate(model, ids, 15, greedy, allowed=lambda so_far: only(*choices(so_far), V=61)), found)
    drawn = generate(model, ids, 15, Sampling(top_p=0.9), seed=1, allowed=lambda so_far: only(*choices(so_far), V=61))
    assert all(int(row[t]) in choices(row[:t]) for row in drawn for t in range(7, 22))


# Log-probabilities


def test_log_probabilities_are_the_model_s_and_the_sampler_s():
    model, ids = new_model(), new_ids()
    sampling = Sampling(temperature=0.7, top_k=9, repetition_penalty=1.2)
    scored = generate(model, ids, 12, sampling, seed=4, log_probabilities=True)
    assert torch.equal(scored.ids, generate(model, ids, 12, sampling, seed=4))
    with torch.no_grad():
        logits = model(scored.ids)[:, 6:-1]
    expected = logits.log_softmax(dim=-1).gather(-1, scored.ids[:, 7:, None]).squeeze(-1)
    torch.testing.assert_close(scored.model, expected, rtol=1e-4, atol=1e-4)
    for n in range(12):
        p = distribution(logits[:, n], sampling, ids=scored.ids[:, : 7 + n])
        expected = p.gather(-1, scored.ids[:, 7 + n, None]).squeeze(-1).log()
        torch.testing.assert_close(scored.sampling[:, n], expected, rtol=1e-3, atol=1e-4)
    greedy = generate(model, ids[0], 5, GREEDY, log_probabilities=True)
    assert greedy.sampling.tolist() == [0] * 5 and greedy.model.shape == (5,)


def test_log_probabilities_on_paper():
    """After 3: a logit of 50 for 4, of 20 for 5. With 4 forbidden, 5 is certain; the model itself gave it e^-30."""
    scored = generate(Counter(), [3], 1, allowed=lambda ids: only(5, 6), log_probabilities=True)
    assert scored.ids.tolist() == [3, 5]
    assert scored.model.item() == pytest.approx(-30) and scored.sampling.item() == pytest.approx(0, abs=1e-6)


def test_log_probabilities_have_the_form_of_the_prompt():
    ragged = generate(Counter(), [[3], [4, 5], [9]], 9, stop_ids=[6, 2], log_probabilities=True)
    assert [len(row) for row in ragged.ids] == [4, 3, 5]
    assert [len(row) for row in ragged.model] == [len(row) for row in ragged.sampling] == [3, 1, 4]
    rows = generate(Counter(), torch.tensor([[3], [4]]), 9, Sampling(), stop_ids=6, log_probabilities=True)
    assert rows.model.shape == rows.sampling.shape == (2, 3)
    assert rows.model[1, 2] == rows.sampling[1, 2] == 0
    assert generate(Counter(), [3], 0, log_probabilities=True).model.shape == (0,)


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stop_sequences": "ab"}, "stop_sequences must be a list of texts or of lists of ids; got 'ab'"),
        ({"stop_sequences": 3}, "stop_sequences must be a list of texts or of lists of ids; got 3"),
        ({"stop_sequences": [3]}, "a stop sequence must be a text or a list of ids; got 3"),
        ({"stop_sequences": [b"a"]}, "a stop sequence must be a text or a list of ids; got b'a'"),
        ({"stop_sequences": [[]]}, r"a stop sequence must not be empty; got \[\]"),
        ({"stop_sequences": [""], "decode": decode}, "a stop sequence must not be empty; got ''"),
        ({"stop_sequences": [[3, 11]]}, "an id of a stop sequence must be from 0 to vocab_size - 1 = 10; got 11"),
        ({"stop_sequences": [[3, 1.0]]}, r"an id of a stop sequence must be a whole number .* got 1\.0"),
        ({"stop_sequences": ["ab"]}, r"the stop text 'ab' needs decode, .*\(tokenizer.decode\); got None"),
        ({"stop_sequences": [[1]], "decode": decode}, "decode is for stop texts; got none in stop_sequences"),
        ({"decode": decode}, "decode is for stop texts; got none in stop_sequences"),
        ({"allowed": only(1)}, r"allowed must be a function \(S,\) ids -> \(V,\) boolean, or None; got tensor"),
    ],
)
@pytest.mark.parametrize("function", [generate, stream])
def test_settings_that_make_no_sense(function, settings, message):
    with pytest.raises(ValueError, match=message):
        function(Counter(), [1], 3, **settings)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda ids: only(), "allowed must leave at least one token; got none at step 1 in row 0, after the 2 tokens"),
        (lambda ids: only(3, V=7), r"must return a boolean tensor \(11,\), .*; got torch.bool \(7,\)"),
        (lambda ids: only(3).float(), r"must return a boolean tensor \(11,\), .*; got torch.float32 \(11,\)"),
        (lambda ids: [3, 4], r"must return a boolean tensor \(11,\), .*; got list"),
    ],
)
def test_answers_of_a_constraint(answer, message):
    with pytest.raises(ValueError, match=message):
        generate(Counter(), [1, 2], 3, allowed=answer)
    tokens = stream(Counter(), [1, 2], 3, allowed=answer)
    with pytest.raises(ValueError, match=message):
        next(tokens)


def test_constrain_says_where_nothing_is_left():
    logits, ids, mask = torch.zeros(2, 4), torch.tensor([[0, 3], [1, 2]]), torch.tensor([[False, True], [True, True]])
    before = logits.clone()
    found = constrain(logits, ids, lambda row: only(int(row[0]), V=4), mask=mask)
    assert found.isfinite().nonzero().tolist() == [[0, 3], [1, 1]]
    assert torch.equal(logits, before)
    with pytest.raises(ValueError, match="got none in row 1, after the 2 tokens so far"):
        constrain(logits, ids, lambda row: only(*([0] if len(row) == 1 else []), V=4), mask=mask)
