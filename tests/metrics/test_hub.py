import copy
import os
import subprocess
import sys

import evaluate
import pytest

from aigc_book import __version__
from aigc_book.metrics import hub
from aigc_book.metrics.bleu import BleuSettings, corpus_bleu
from aigc_book.metrics.chrf import ChrfSettings, chrf
from aigc_book.metrics.meteor import MeteorSettings, meteor
from aigc_book.metrics.perplexity import perplexity
from aigc_book.metrics.rouge import RougeSettings, rouge

PREDICTIONS = ["the cat sat on the mat .", "a dog runs"]
REFERENCES = ["the cats sat on a mat .", "the dog ran"]
CHINESE = ["我爱自然语言处理。"], ["我喜欢自然语言处理。"]
TEXT_MODULES = ["bleu", "rouge", "meteor", "chrf"]


def expected(predictions, references, tokenize=None):
    options = {"tokenize": tokenize} if tokenize else {}
    kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    results = rouge(predictions, references, kinds, RougeSettings(**options))
    return {
        "bleu": corpus_bleu(predictions, references, BleuSettings(**options)).score,
        "meteor": meteor(predictions, references, MeteorSettings(**options)).score,
        "chrf": chrf(predictions, references).score,
        **{kind: result.fmeasure for kind, result in results.items()},
    }


def scores(results):
    return {name: value for name, value in results.items() if name in expected(*CHINESE)}


@pytest.mark.parametrize("references", [REFERENCES, [[text] for text in REFERENCES], [["a", "b"], ["a dog"]]])
def test_modules_give_the_functions_scores(references):
    found = {}
    for name in TEXT_MODULES:
        module = hub.load(name)
        assert isinstance(module, evaluate.Metric)
        assert module.name == name
        results = module.compute(predictions=PREDICTIONS, references=references)
        assert results["signature"].endswith(f"version:aigc_book-{__version__}")
        found |= scores(results)
    assert found == expected(PREDICTIONS, references)


def test_chinese():
    combined = evaluate.combine([hub.load(name, "zh") for name in TEXT_MODULES])
    assert scores(combined.compute(predictions=CHINESE[0], references=CHINESE[1])) == expected(*CHINESE, tokenize="zh")


def test_combine_and_add():
    combined = evaluate.combine([hub.load(name) for name in TEXT_MODULES])
    results = combined.compute(predictions=PREDICTIONS, references=REFERENCES)
    assert scores(results) == expected(PREDICTIONS, REFERENCES)
    assert {f"{name}_signature" for name in TEXT_MODULES} <= set(results)
    for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True):
        combined.add(prediction, reference)
    assert combined.compute() == results
    combined.add(PREDICTIONS[0], [REFERENCES[0]])
    combined.add_batch(PREDICTIONS[1:], REFERENCES[1:])
    assert combined.compute() == results


def test_perplexity():
    results = hub.load("perplexity").compute(nll_nats=[2.0, 3.0], n_tokens=[1, 4], texts=["ab", "c"])
    expected = perplexity([2.0, 3.0], [1, 4], texts=["ab", "c"])
    for name in ("perplexity", "bits_per_token", "bits_per_character", "bits_per_byte", "signature"):
        assert results[name] == getattr(expected, name)
    assert "bits_per_byte" not in hub.load("perplexity").compute(nll_nats=[2.0], n_tokens=[1])


def test_perplexity_beside_metrics_of_texts():
    combined = evaluate.combine([hub.load("bleu"), hub.load("perplexity")])
    combined.add_batch(PREDICTIONS, REFERENCES, nll_nats=[1.0, 2.0], n_tokens=[3, 3])
    results = combined.compute()
    assert results["perplexity"] == perplexity([1, 2], [3, 3]).perplexity
    assert results["bleu"] == expected(PREDICTIONS, REFERENCES)["bleu"]


def test_settings_are_the_functions():
    options = {"tokenize": "char", "smoothing": "floor", "smoothing_value": 0.5, "max_order": 3, "lowercase": True}
    results = hub.load("bleu").compute(predictions=PREDICTIONS, references=REFERENCES, **options)
    assert results["bleu"] == corpus_bleu(PREDICTIONS, REFERENCES, BleuSettings(**options)).score
    options = {"word_order": 2, "whitespace": True, "beta": 1, "eps_smoothing": True}
    results = hub.load("chrf").compute(predictions=PREDICTIONS, references=REFERENCES, **options)
    assert results["chrf"] == chrf(PREDICTIONS, REFERENCES, ChrfSettings(**options)).score
    options = {"alpha": 0.5, "beta": 1, "gamma": 0.1, "stem": False}
    results = hub.load("meteor").compute(predictions=PREDICTIONS, references=REFERENCES, **options)
    assert results["meteor"] == meteor(PREDICTIONS, REFERENCES, MeteorSettings(**options)).score
    results = hub.load("rouge").compute(predictions=PREDICTIONS, references=REFERENCES, kinds=["rouge1"], stem=True)
    assert results["rouge1"] == rouge(PREDICTIONS, REFERENCES, ["rouge1"], RougeSettings(stem=True))["rouge1"].fmeasure
    assert set(results) == {"rouge1", "signature"}


@pytest.mark.parametrize("name", TEXT_MODULES)
@pytest.mark.parametrize("through", ["add", "add_batch"])
def test_what_was_added_stays_after_an_error(name, through):
    def breaks(text):
        raise RuntimeError("broken")

    module = hub.load(name)
    if through == "add":
        for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True):
            module.add(prediction=prediction, reference=reference)
    else:
        module.add_batch(predictions=PREDICTIONS, references=REFERENCES)
    wrong = [{"temperature": 1}, {"kinds": "rouge1"}, {"kinds": []}, {"tokenize": "14a"}, {"beta": -1}]
    wrong += [{"predictions": ["a"], "references": ["a", "b"]}, {"predictions": ["a"]}]
    wrong += [{"predictions": ["a"], "references": ["a"], "temperature": 1}]  # what came with an error is not added
    for arguments in wrong:
        with pytest.raises(ValueError):
            module.compute(**arguments)
        assert len(module) == 2
    if name != "chrf":
        with pytest.raises(RuntimeError, match="broken"):
            module.compute(tokenize=breaks)
    with pytest.raises(ValueError):
        module.add_batch(predictions=["a", 5], references=["a", "b"])
    found, wanted = scores(module.compute()), expected(PREDICTIONS, REFERENCES)
    assert found == {key: wanted[key] for key in found}
    assert len(module) == 0
    with pytest.raises(ValueError, match="has nothing to score"):
        module.compute()


def test_perplexity_keeps_what_was_added_after_an_error():
    module = hub.load("perplexity")
    module.add_batch(nll_nats=[2.0, 3.0], n_tokens=[1, 4])
    for wrong in ({"temperature": 1}, {"texts": ["a"]}, {"nll_nats": [1.0], "n_tokens": [3.5]}, {"nll_nats": [1.0]}):
        with pytest.raises(ValueError):
            module.compute(**wrong)
    for nlls, counts in (([1.0], [3.5]), ([1.0], [-1]), ([1.0], ["3"]), ([1.0], {3}), ([float("nan")], [1])):
        with pytest.raises(ValueError):
            module.add_batch(nll_nats=nlls, n_tokens=counts)
    assert module.compute()["perplexity"] == perplexity([2, 3], [1, 4]).perplexity


def test_counts_are_whole_numbers():
    with pytest.raises(ValueError, match=r"n_tokens must be whole numbers of 0 or more; got 3.5"):
        hub.load("perplexity").compute(nll_nats=[1.0, 2.0], n_tokens=[3.5, 4])
    with pytest.raises(ValueError, match=r"n_tokens must be whole numbers of 0 or more; got 3.5"):
        perplexity([1.0, 2.0], [3.5, 4])
    assert hub.load("perplexity").compute(nll_nats=[1.0], n_tokens=[4.0]) == perplexity(1, 4).report()


def test_what_a_module_is_not_told_it_says():
    with pytest.raises(ValueError, match=r"bleu has the settings .*tokenize; got stem"):
        hub.load("bleu").compute(predictions=["a"], references=["a"], stem=True)
    with pytest.raises(ValueError, match="bleu takes predictions and references; got predictions"):
        hub.load("bleu").compute(predictions=["a"])
    with pytest.raises(ValueError, match="perplexity takes nll_nats and n_tokens; got predictions, references"):
        hub.load("perplexity").compute(predictions=["a"], references=["a"])
    with pytest.raises(ValueError, match="perplexity has the setting texts; got tokenize"):
        hub.load("perplexity").compute(nll_nats=[1.0], n_tokens=[1], tokenize="zh")


def test_with_no_network_and_no_home(tmp_path):
    """A home that can't be written to, and a socket that refuses to open."""
    home = tmp_path / "a file, not a folder"
    home.write_text("")
    code = (
        "import socket\n"
        "def refuse(*args): raise RuntimeError('a request to the network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import evaluate\n"
        "from aigc_book.metrics import hub\n"
        "modules = evaluate.combine([hub.load(name) for name in ('bleu', 'rouge', 'meteor', 'chrf')])\n"
        "print(modules.compute(predictions=['a b c d'], references=['a b c d'])['bleu'])\n"
    )
    hidden = ("HF_", "XDG_", "TRANSFORMERS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {"HOME": str(home), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["100.0"]
    assert [path.name for path in tmp_path.iterdir()] == [home.name]


def test_what_load_refuses():
    with pytest.raises(ValueError, match="name must be one of bleu, rouge, meteor, chrf, perplexity; got 'accuracy'"):
        hub.load("accuracy")
    with pytest.raises(ValueError, match="language must be one of en, zh; got 'de'"):
        hub.load("bleu", "de")


@pytest.mark.parametrize("name", TEXT_MODULES)
@pytest.mark.parametrize(
    "predictions, references, message",
    [
        ([], [], "must hold at least one text; got an empty list"),
        (["a"], ["a", "b"], "must have the same length; got 1 and 2"),
        ("a", ["a"], "predictions must be a list of texts; got the string 'a'"),
        (["a"], "a", "references must be a list of texts; got the string 'a'"),
        (["a"], [[]], r"references\[0\] must hold at least one text; got none"),
        ([5], ["a"], r"hypotheses\[0\] must be a text; got int"),
        (None, None, "has nothing to score: pass the inputs to compute, or add some before"),
    ],
)
def test_what_modules_of_texts_refuse(name, predictions, references, message):
    module = hub.load(name)
    with pytest.raises(ValueError, match=message):
        module.compute(predictions=predictions, references=references)
    results = module.compute(predictions=["a b c d"], references=["a b c d"])  # and it goes on working
    assert results["signature"].startswith("nrefs:1|")


@pytest.mark.parametrize(
    "nlls, counts, message",
    [
        ([], [], "nll_nats must hold at least one number; got an empty list"),
        ([1.0], [1, 2], "Mismatch in the number of nll_nats"),
        ([-1.0], [1], "nll_nats must be 0 or more"),
        ([1.0], [0], "n_tokens must be above 0 in all; got 0"),
    ],
)
def test_what_perplexity_refuses(nlls, counts, message):
    with pytest.raises(ValueError, match=message):
        hub.load("perplexity").compute(nll_nats=nlls, n_tokens=counts)


def test_input_is_left_as_it_was():
    predictions, references = list(PREDICTIONS), [["a", "b"], ["c"]]
    before = copy.deepcopy((predictions, references))
    hub.load("rouge").compute(predictions=predictions, references=references)
    assert (predictions, references) == before
