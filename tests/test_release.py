"""What a release carries says one version and one address; shared links and footers say it too."""

import re
import tomllib
from pathlib import Path

import book_address
import pytest
import shared_links
import yaml
from docutils import nodes

from aigc_book import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_the_version_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert __version__ == project["version"] == citation["version"]
    changes = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert changes[0] == __version__
    assert book_address.release() == f"v{__version__}"


@pytest.mark.parametrize("name", book_address.FILES)
def test_links_follow_from_the_address(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert book_address.with_address(text) == text, "run make address"
    assert book_address.repository()[0] in text or book_address.site() in text


def test_another_address_reaches_every_link(monkeypatch):
    monkeypatch.setattr(book_address, "repository", lambda: ("https://github.com/school/our-book", "main"))
    text = "see https://github.com/a-b/c.d/issues, [site](https://a-b.github.io/c-d/x.html) and https://github.com/a/b."
    assert book_address.with_address(text) == (
        "see https://github.com/school/our-book/issues, [site](https://school.github.io/our-book/x.html)"
        " and https://github.com/school/our-book."
    )
    assert f"https://github.com/school/our-book@v{__version__}" in book_address.install_source()


def test_outside_the_repository_the_readme_still_shows_its_picture_and_leads_somewhere():
    """PyPI and a wheel show README.md alone, where a relative link leads nowhere."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links and [link for link in links if not link.startswith("https://")] == []
    for link in links:
        path = link.removeprefix(f"{book_address.repository()[0]}/blob/main/")
        if path != link:
            assert (ROOT / path.partition("#")[0]).exists(), link


def page(*paragraphs: str) -> nodes.document:
    document = nodes.document(None, None)
    document += [nodes.paragraph("", text) for text in paragraphs]
    return document


def test_a_description_is_the_first_paragraph_cut_at_a_word():
    document = page("one  two\nthree", "four")
    assert shared_links.description(document) == "one two three"
    long = page("word " * 100)
    assert shared_links.description(long).endswith("word …") and len(shared_links.description(long)) <= 202
    assert shared_links.description(None) == ""


def test_pages_carry_a_description_a_picture_and_the_version(monkeypatch):
    class Config:
        project, root_doc = "The Book", "book/index"
        html_theme_options = {"extra_footer": "Licences."}  # noqa: RUF012

    class App:
        config = Config

    context = {"title": "Attention <em>&amp;</em>"}
    document = page('A "quotation"')
    shared_links.add_tags(App, "book/attention/attention", "", context, document)
    assert '<meta property="og:description" content="A &quot;quotation&quot;" />' in context["metatags"]
    assert '<meta property="og:title" content="Attention &amp;" />' in context["metatags"]
    assert f'content="{book_address.site()}_static/book.png"' in context["metatags"]
    assert f'content="{book_address.site()}book/attention/attention.html"' in context["metatags"]
    shared_links.name_version(App, Config)
    assert Config.html_theme_options["extra_footer"] == f"Version {__version__}. Licences."
