"""What a page says of itself elsewhere: description and picture of a link that is shared, and the version below it."""

import re
from html import escape, unescape

import book_address
from docutils import nodes

LONGEST = 200  # letters of a description that previews show


def description(doctree: nodes.document | None) -> str:
    """The beginning of a page's first paragraph, cut at a word."""
    paragraph = next(iter(doctree.findall(nodes.paragraph)), None) if doctree is not None else None
    text = re.sub(r"\s+", " ", paragraph.astext()).strip() if paragraph is not None else ""
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rsplit(" ", 1)[0] + " …"


def add_tags(app, pagename, templatename, context, doctree) -> None:
    """The tags that messengers and search engines read, in the head of every page of the book."""
    if doctree is None:
        return
    title = unescape(re.sub(r"<[^>]+>", "", context.get("title", ""))) or app.config.project
    facts = {
        "og:title": title,
        "og:description": description(doctree),
        "og:type": "book" if pagename == app.config.root_doc else "article",
        "og:url": f"{book_address.site()}{pagename}.html",
        "og:image": f"{book_address.site()}_static/book.png",
        "og:site_name": app.config.project,
    }
    tags = [f'<meta property="{name}" content="{escape(value)}" />' for name, value in facts.items() if value]
    tags.append(f'<meta name="description" content="{escape(facts["og:description"])}" />')
    tags.append('<meta name="twitter:card" content="summary_large_image" />')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def name_version(app, config) -> None:
    """The release that a page belongs to, in its footer."""
    options = config.html_theme_options
    options["extra_footer"] = f"Version {book_address.release()[1:]}. {options.get('extra_footer', '')}".strip()


def setup(app) -> None:
    app.connect("config-inited", name_version)
    app.connect("html-page-context", add_tags)
