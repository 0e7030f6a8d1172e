"""The built site in a real browser with the network cut, and its links without one.

Skipped where the site is not built (``make book``) or, beside the link tests, where there is no Chromium.
``AIGC_BOOK_BROWSER`` names one; where it is set, the browser tests are not skipped.
"""

import functools
import http.server
import os
import re
import shutil
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import book_address
import plain
import pytest
import runs

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
CHAPTERS = [runs.name_of(path) for path in runs.chapters()]
PHONE = (Path(__file__).parent / "phone.js").read_text(encoding="utf-8")
PHONE_WIDTH, SMALLEST_TEXT = 390, 7  # px
GLYPHS = re.compile(
    r"<!-- (.*?) -->\s*<g [^>]*transform=\"[^\"]*?scale\(([\d.]+)|font(?:-size)?[:=]\"?[^;\"]*?([\d.]+)px"
)
LESSONS = [name for name in CHAPTERS if not name.startswith("outlook/")]  # with a card and figures

pytestmark = pytest.mark.skipif(not (HTML / "index.html").exists(), reason="the site is not built: make book")


def pages() -> list[Path]:
    """The pages a reader can come to: no fragments of scripts, no redirect."""
    found = [path for path in sorted(HTML.rglob("*.html")) if "_static" not in path.parts]
    return [path for path in found if 'http-equiv="refresh"' not in path.read_text(encoding="utf-8").lower()]


class Links(HTMLParser):
    """The ids, the links and the things a page loads by itself."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.assets = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe", "source", "audio", "video") and given.get("src"):
            self.assets.append(given["src"])
        if tag == "link" and "stylesheet" in (given.get("rel") or ""):
            self.assets.append(given.get("href", ""))


def smallest_text(svg: str) -> tuple[float, str] | None:
    """The size of a picture's smallest text, as a share of the picture's width, and what it says; None without text.

    matplotlib draws text as outlines, after a comment with the words, at a scale of a hundredth of the font's size.
    Indices in formulas are smaller, and don't count.
    """
    width = float(re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+)', svg)[1])
    sizes = [(100 * float(scale) if scale else float(px), words) for words, scale, px in GLYPHS.findall(svg)]
    return min((size / width, words) for size, words in sizes) if sizes else None


def test_the_smallest_text_of_a_picture():
    svg = (
        '<svg viewBox="0 0 500 100"><g id="text_1"><!-- large --><g transform="translate(7 15) scale(0.11 -0.11)">'
        '</g></g><g id="text_2"><!-- small -->\n <g style="fill: #1" transform="translate(7 15) rotate(-90) '
        'scale(0.08 -0.08)"><use transform="translate(0 0) scale(0.7)"/></g></g></svg>'
    )
    assert smallest_text(svg) == (8 / 500, "small")
    assert smallest_text('<svg viewBox="0 0 200 9"><text style="font: 4px x">a</text></svg>')[0] == 4 / 200
    assert smallest_text('<svg viewBox="0 0 200 9"></svg>') is None


@functools.cache
def texts() -> dict[str, tuple[float, str]]:
    """The smallest text of every SVG picture of the site, by file name."""
    found = {path.name: smallest_text(path.read_text(encoding="utf-8")) for path in (HTML / "_images").glob("*.svg")}
    return {name: text for name, text in found.items() if text}


@functools.cache
def site() -> dict[Path, Links]:
    return {path: Links(path) for path in pages()}


def test_every_internal_link_and_anchor_lives():
    dead = []
    for path, page in site().items():
        for link in page.links + page.assets:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = site().get(target)
            if not target.exists() or (parts.fragment and known and unquote(parts.fragment) not in known.ids):
                dead.append(f"{path.relative_to(HTML)}: {link}")
    assert dead == []


def test_pages_load_nothing_from_elsewhere():
    loads = {
        f"{path.relative_to(HTML)}: {link}"
        for path, page in site().items()
        for link in page.assets
        if urlsplit(link).scheme in ("http", "https") or urlsplit(link).netloc
    }
    assert loads == set()


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_has_its_buttons_and_its_recorded_cost(name):
    url, _ = book_address.repository()
    owner = url.removeprefix("https://github.com/")
    page = Links(HTML / "book" / f"{name}.html")
    assert f"https://colab.research.google.com/github/{owner}/blob/{plain.BRANCH}/book/{name}.ipynb" in page.links
    assert f"https://mybinder.org/v2/gh/{owner}/{plain.BRANCH}?urlpath=lab/tree/book/{name}.ipynb" in page.links
    text = (HTML / "book" / f"{name}.html").read_text(encoding="utf-8")
    if name in LESSONS:
        assert "chapter-card" in text
        assert "recorded by this build" in text
    assert f"../../_sources/book/{name}.ipynb" in page.links, "the download button"
    assert "%pip install" not in text, "the install cell is hidden"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # the browser hung up: it left the page


@pytest.fixture(scope="module")
def base():
    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=HTML))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    named = os.environ.get("AIGC_BOOK_BROWSER")
    with playwright.sync_playwright() as started:
        candidates = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
        candidates += [started.chromium.executable_path]
        found = named or next((path for path in candidates if path and Path(path).exists()), None)
        if not found:
            pytest.skip("no Chromium here: install chromium, or run `playwright install chromium`")
        chromium = started.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, base):
    """Opens a page with the network cut; ``visit.problems`` collects what went wrong on it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    problems = []

    def guard(route):
        if route.request.url.startswith((base, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"leaves the machine: {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.on("console", lambda m: problems.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("response", lambda r: problems.append(f"{r.status}: {r.url}") if r.status >= 400 else None)

    def go(path: str):
        page.goto(base + path, wait_until="load")
        page.evaluate("window.MathJax && MathJax.startup ? MathJax.startup.promise.then(() => true) : true")
        return page

    go.problems = problems
    yield go
    context.close()


PAGES = [path.relative_to(HTML).as_posix() for path in pages()] if HTML.exists() else []
READ = [path for path in PAGES if path.startswith("book/")]


@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole_with_the_network_cut_and_readable_in_light_and_dark(visit, path):
    page = visit(path)
    assert page.locator(".math").count() == page.locator(".math mjx-container").count(), "untypeset mathematics"
    assert page.locator("mjx-merror").count() == 0, "an error of TeX"
    broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    assert page.evaluate(broken) == []
    assert page.evaluate("[...document.querySelectorAll('article img')].filter(i => !i.alt).map(i => i.src)") == []
    assert visit.problems == []
    if path not in READ:
        return
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.add_style_tag(content="* { animation: none !important; transition: none !important; }")
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        texts = page.evaluate(CONTRAST)
        assert len(texts) > 5
        # AA for text; code may have the 3:1 of large text, since its colours only repeat what its words say
        faint = [text for text in texts if text[0] < (3.0 if text[1] else 4.5)]
        assert faint == [], theme


@pytest.mark.parametrize("path", READ)
def test_page_fits_a_phone(visit, path):
    page = visit(path)
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(
        "document.querySelectorAll('article .toggle-hidden').forEach(e => e.classList.remove('toggle-hidden'))"
    )
    page.evaluate("[...document.images].forEach(i => { i.loading = 'eager'; })")
    page.wait_for_function("[...document.images].every(i => i.complete)")
    assert page.evaluate(PHONE, [SMALLEST_TEXT, texts()]) == []


def test_what_does_not_fit_is_named(visit):
    """A broad table, a broad formula and a picture with small text are named; what scrolls by itself isn't."""
    page = visit("book/index.html")
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    page.set_content(
        "<body style='margin: 0'><article><table id='broad'><tr><td style='min-width: 500px'>a</td></tr></table>"
        "<div style='overflow-x: auto; width: 300px'><p id='scrolled' style='width: 900px'>b</p></div>"
        "<p id='fits'>c</p><figure id='small'><img src='a.svg' alt='d' style='width: 300px; height: 9px'></figure>"
        "<figure id='large'><img src='b.svg' alt='e' style='width: 300px; height: 9px'></figure></article></body>"
    )
    broad, small = page.evaluate(PHONE, [SMALLEST_TEXT, {"a.svg": [0.02, "tick"], "b.svg": [0.03, "tick"]}])
    assert "wider than the page (50" in broad and "#broad" in broad
    assert "text of 6.0 px, “tick”" in small and "#small" in small


@pytest.mark.parametrize("name", CHAPTERS)
def test_animations_begin_at_their_last_frame(visit, name):
    page = visit(f"book/{name}.html")
    page.wait_for_timeout(300)  # the player is made a moment after the page
    ends = "[...document.querySelectorAll('.animation input[type=range]')].map(s => [s.value, s.max])"
    for value, most in page.evaluate(ends):
        assert int(most) > 0
        assert value == most


def test_search_finds_in_both_languages_and_nothing_for_nonsense(visit):
    for word in ("perplexity", "自注意力"):
        page = visit(f"search.html?q={word}")
        page.wait_for_selector("#search-results li a", timeout=15_000)
        assert page.locator("#search-results li a").count() >= 1
    page = visit("search.html?q=zxqvwk")
    page.wait_for_selector("#search-results p.search-summary", timeout=15_000)
    assert page.locator("#search-results li a").count() == 0
    # Sphinx looks a module's anchor up with its dots unescaped, does not find it, and shows the page's beginning.
    assert [problem for problem in visit.problems if "Anchored content block not found" not in problem] == []


@pytest.mark.parametrize("name", LESSONS)
def test_figures_stand_on_white_in_the_dark(visit, name):
    page = visit(f"book/{name}.html")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    style = "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.filter]; }"
    figures = page.locator("article .cell_output img").all()
    assert figures
    assert {tuple(figure.evaluate(style)) for figure in figures} == {("rgb(255, 255, 255)", "none")}


def test_theme_button_changes_the_theme(visit):
    page = visit("book/index.html")
    seen = set()
    for _ in range(3):  # light, dark and the system's own
        seen.add(page.evaluate("document.documentElement.dataset.theme"))
        page.locator("button.theme-switch-button:visible").first.click()
    assert seen == {"light", "dark"}
    assert visit.problems == []
