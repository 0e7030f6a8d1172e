"""Analogy questions: scored by hand, equal to asking one by one, read from Google's format, every documented error."""

import math
from pathlib import Path

import pytest
import torch

from aigc_book.data.files import data_file
from aigc_book.text.vectors.analogies import pairs_to_questions, read_analogies, score_analogies
from aigc_book.text.vectors.embeddings import Embeddings

ROYAL = Embeddings(
    ["man", "woman", "king", "queen", "apple"],
    torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-3, 0, 0]]),
)


def test_scored_by_hand():
    """man : woman = king : queen is right, apple is wrong, emperor is unknown. Without the analogy, king's nearest word
    that is not in the question is queen (0.816) as well: here nearness alone would do. A guess has 5 − 3 words."""
    asked = [("man", "woman", "king", word) for word in ("queen", "apple", "emperor")]
    score = score_analogies(ROYAL, asked)
    assert score == (1, 2, 1, 1, 0.5)
    assert (score.accuracy, score.accuracy_without) == (0.5, 0.5)


def test_no_known_question_has_no_accuracy():
    score = score_analogies(ROYAL, [("a", "b", "c", "d")])
    assert (score.n_asked, score.n_skipped) == (0, 1)
    assert math.isnan(score.accuracy) and math.isnan(score.accuracy_without)


def test_equals_asking_one_by_one():
    words = [f"w{i}" for i in range(29)]
    embeddings = Embeddings(words, torch.randn(29, 5, generator=torch.Generator().manual_seed(0)))
    questions = pairs_to_questions([(words[i], words[i + 1]) for i in range(0, 28)])
    assert len(questions) > 512  # more than one batch
    right = sum(embeddings.analogy(a, b, c)[0][0] == d for a, b, c, d in questions)
    without = 0
    for a, b, c, d in questions:
        near = [word for word, _ in embeddings.neighbours(c, 29) if word not in (a, b)]
        without += near[0] == d
    score = score_analogies(embeddings, questions)
    assert (score.n_right, score.n_right_without) == (right, without)
    assert right > 0


def test_chance_is_what_random_vectors_get():
    rng = torch.Generator().manual_seed(1)
    words = [f"w{i}" for i in range(43)]
    questions = pairs_to_questions([(words[i], words[i + 1]) for i in range(0, 40, 2)])
    scores = [score_analogies(Embeddings(words, torch.randn(43, 7, generator=rng)), questions) for _ in range(20)]
    accuracy = sum(score.n_right for score in scores) / sum(score.n_asked for score in scores)
    assert scores[0].chance == 1 / 40
    assert accuracy < 2 * scores[0].chance + 0.02


def test_pairs_ask_one_another():
    pairs = [("file", "files"), ("key", "keys"), ("file", "folder")]
    assert pairs_to_questions(pairs) == [
        ("file", "files", "key", "keys"),
        ("key", "keys", "file", "files"),
        ("key", "keys", "file", "folder"),
        ("file", "folder", "key", "keys"),
    ]  # not file : files = file : folder, which holds a word twice
    with pytest.raises(ValueError, match="at least two pairs; got 1"):
        pairs_to_questions(pairs[:1])


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ([], "at least one; got none"),
        ([("man", "woman", "king")], r"four words \(a, b, c, d\); got \('man', 'woman', 'king'\)"),
        (["four"], "four words"),
        ([("man", "woman", "king", "man")], "must not stand in its own question"),
    ],
)
def test_what_is_no_question(questions, says):
    with pytest.raises(ValueError, match=says):
        score_analogies(ROYAL, questions)


def test_too_few_words_to_choose_from():
    with pytest.raises(ValueError, match="at least 4 words to choose from; got 3"):
        score_analogies(Embeddings(["a", "b", "c"], torch.eye(3)), [("a", "b", "c", "d")])


def test_googles_format(tmp_path):
    path = tmp_path / "q.txt"
    path.write_text(": capital\nAthens Greece Oslo Norway\n\n: plural\nfile files key keys\n", encoding="utf-8")
    assert read_analogies(path) == {
        "capital": [("athens", "greece", "oslo", "norway")],
        "plural": [("file", "files", "key", "keys")],
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "must hold analogies; it has none"),
        (": a\n", "must hold analogies; it has none"),
        (": a\nb c d\n", "line 2 of .* must hold four words; got 3: 'b c d'"),
    ],
)
def test_what_is_no_file_of_analogies(tmp_path, content, says):
    (tmp_path / "q.txt").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        read_analogies(tmp_path / "q.txt")


def test_no_file():
    with pytest.raises(FileNotFoundError, match=r"there is no file of analogies 'nowhere.txt'"):
        read_analogies("nowhere.txt")


def test_googles_set():
    try:
        path: Path = data_file("embeddings/google_analogy/questions-words.txt")
    except FileNotFoundError as error:
        pytest.skip(f"Google's analogies are not here: {error}")
    sections = read_analogies(path)
    assert len(sections) == 14
    assert sum(map(len, sections.values())) == 19544


def test_lines_end_where_they_end_and_words_where_spaces_are(tmp_path):
    path = tmp_path / "q.txt"
    path.write_bytes("\ufeff: a\r\nA\u00a0b  c\u2028d\te f\x85\r\n".encode())
    assert read_analogies(path) == {"a": [("a\u00a0b", "c\u2028d", "e", "f\x85")]}
    path.write_bytes(b": a\nb c d e\nb \xff d e\n")
    with pytest.raises(ValueError, match=r"line 3 of .*q.txt must be UTF-8 text; got the byte 0xff"):
        read_analogies(path)
