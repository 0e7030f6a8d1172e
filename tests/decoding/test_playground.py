"""The playground: its program against the package's own filters, in a browser without a network; errors."""

import json
import re
import shutil

import pytest
import torch

from aigc_book.decoding.playground import SHOWN, Moment, playground, token_texts
from aigc_book.decoding.sampling import GREEDY, Sampling, distribution

V = 37
TOKENS = [f" w{i}" for i in range(V - 2)] + ["</script>", "\n"]
SETTINGS = [(1, V, 1), (0.5, V, 1), (1.7, 9, 1), (1, V, 0.6), (0.8, 5, 0.85), (2, V, 0.05), (1, 1, 1), (0, V, 1)]


def moments():
    rng = torch.Generator().manual_seed(0)
    return [Moment(text, 3 * torch.randn(V, generator=rng)) for text in ("so it", "a <b> & c")]


def test_it_is_one_piece():
    page = playground(moments(), TOKENS, name="mine")
    assert not re.search(r"https?:|src=|import\b", page)
    assert page.count("</script>") == 1  # the token of that name doesn't end it
    assert "a &lt;b&gt; &amp; c" in page and "@" not in page.split("const data")[0].replace("@media", "")
    data = json.loads(re.search(r"const data = (.*);\n", page)[1])
    assert data["tokens"] == TOKENS
    for moment, kept in zip(moments(), data["moments"], strict=True):
        torch.testing.assert_close(torch.tensor(kept["logits"]), moment.logits - moment.logits.max(), atol=6e-4, rtol=0)
    assert token_texts(lambda ids: f"<{ids[0]}>", 3) == ["<0>", "<1>", "<2>"]


@pytest.fixture(scope="module")
def page():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if not found:
            pytest.skip("no Chromium here")
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.route("**/*", lambda route: (problems.append(route.request.url), route.abort()))
        page.set_content(f"<body style='margin:8px'>{playground(moments(), TOKENS)}</body>")
        yield page
        assert problems == []
        browser.close()


def shown(page):
    """Token → probability, as the page has it."""
    lines = page.locator("#playground li").evaluate_all("lines => lines.map(e => [+e.dataset.token, +e.dataset.p])")
    return dict(lines)


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), SETTINGS)
def test_the_page_computes_what_the_package_computes(page, temperature, top_k, top_p):
    for i, moment in enumerate(moments()):
        page.locator("select").select_option(str(i))
        for slider, value in (("t", temperature), ("k", top_k), ("p", top_p)):
            page.locator(f"#playground-{slider}").fill(str(value))
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p) if temperature else GREEDY
        expected = distribution(moment.logits, sampling)
        found = shown(page)
        assert set(found) == set(moment.logits.topk(SHOWN).indices.tolist())
        for token, p in found.items():
            assert p == pytest.approx(expected[token].item(), abs=3e-3)
        n = int((expected > 0).sum())
        assert page.locator("#playground .summary").inner_text().startswith(f"{n} of {V} tokens can come")


def test_it_is_used_with_the_keyboard(page):
    for slider, value in (("t", 1), ("k", V), ("p", 1)):
        page.locator(f"#playground-{slider}").fill(str(value))
    page.locator("select").focus()
    for slider in "tkp":
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == f"playground-{slider}"
        label = page.evaluate("document.activeElement.labels[0].textContent")
        assert label == {"t": "temperature", "k": "top-k", "p": "top-p"}[slider]
    before = shown(page)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#playground-po").inner_text() == "0.98" and shown(page) != before
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert len(page.locator("#playground .written").inner_text().split()) == 20
    assert page.locator("[aria-live=polite]").count() == 2


def test_it_fits_a_phone(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: playground([], TOKENS), "a playground needs at least one moment; got none"),
        (lambda: playground(moments(), TOKENS[:-1]), "a text for each of the 37 logits of moment 0; got 36"),
        (lambda: playground(moments(), TOKENS, name="a b"), "name must be a word .*; got 'a b'"),
        (lambda: Moment("", torch.zeros(3)), "text must be the beginning that the reader sees; got ''"),
        (lambda: Moment("a", torch.zeros(1, 3)), r"logits must be \(V,\), with V at least 1; got \(1, 3\)"),
        (lambda: Moment("a", [1.0]), r"logits must be \(V,\), with V at least 1; got list"),
        (lambda: Moment("a", torch.tensor([0.0, torch.nan])), "logits must be finite; row 1 has nan"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
