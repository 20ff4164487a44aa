"""What a browser may show of prompts and responses: a few tags, and nothing that runs, loads or links."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ppai.ui.render import markdown_html, plain_html

ALLOWED = {"p", "br", "strong", "em", "s", "ul", "ol", "li", "code", "pre", "blockquote", "hr"}
ALLOWED |= {"table", "thead", "tbody", "tr", "th", "td"}


class Seen(HTMLParser):
    """The tags, attributes and text of HTML as a browser would parse them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.other: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    handle_decl = unknown_decl = handle_pi = handle_comment


def assert_harmless(html: str) -> Seen:
    seen = Seen(html)
    assert set(seen.tags) <= ALLOWED, html
    assert all((tag, name) == ("ol", "start") and str(value).isdigit() for tag, name, value in seen.attributes), html
    assert not seen.other, html
    return seen


EVIL = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](https://example.org 'title')",
    "<https://example.org>",
    "![alt <b>text</b>](https://evil.example/pixel.png)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>*{display:none}</style>",
    "<p onclick=alert(1) style='position:fixed' id=submit class=card>x</p>",
    "<!-- comment --><!DOCTYPE html><?php x ?>",
    "`<script>`\n\n```html\n<script>alert(1)</script>\n```",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "| <img src=x onerror=alert(1)> | b |\n|---|:-:|\n| 1 | 2 |",
    "# <script>x</script>",
    "1. a\n<script>x</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\0<scr\0ipt>alert(1)</scr\0ipt>",
]


@pytest.mark.parametrize("text", EVIL)
def test_evil_markdown_is_harmless(text: str) -> None:
    assert_harmless(markdown_html(text))


@pytest.mark.parametrize("text", EVIL)
def test_evil_plain_text_is_shown_as_typed(text: str) -> None:
    seen = assert_harmless(plain_html(text))
    assert set(seen.tags) <= {"p", "br"}
    assert "".join(seen.text.split()) == "".join(text.split())


MARKS = ("<", ">", "</", "'", '"', "`", "```", "#", "*", "_", "[", "](", ")", "!", "|", "---", "\n", "\n\n", "    ")
WORDS = (
    "<script>",
    "onerror=",
    "javascript:",
    "<img src=x ",
    "<!--",
    "-->",
    "- ",
    "1. ",
    "&",
    "&lt;",
    "&#60;",
    "a",
    "://",
)
PIECES = st.sampled_from(MARKS + WORDS)


@hypothesis_settings(max_examples=300)
@given(st.lists(PIECES | st.text(max_size=4), max_size=25).map("".join))
def test_no_text_makes_a_tag_outside_the_list(text: str) -> None:
    assert_harmless(markdown_html(text))
    seen = assert_harmless(plain_html(text))
    assert set(seen.tags) <= {"p", "br"}


@given(st.text(max_size=200))
def test_plain_text_loses_no_letter(text: str) -> None:
    shown = Seen(plain_html(text)).text
    assert sorted("".join(shown.split())) == sorted("".join(text.split()))


def test_markdown_is_rendered() -> None:
    html = markdown_html("Try *this*, **now**:\n\n1. Sit\n2. Talk\n\n- a\n- b\n\n> said\n\n`x`")
    for tag in ("em", "strong", "ol", "ul", "li", "blockquote", "code"):
        assert f"<{tag}>" in html
    assert "<br>" in markdown_html("one\ntwo"), "a line break is one"
    assert '<ol start="3">' in markdown_html("3. three")
    assert "<table>" in markdown_html("| a | b |\n|---|---|\n| 1 | 2 |")


def test_headings_do_not_enter_the_outline_and_links_are_their_text() -> None:
    html = markdown_html("# Title\n\nSetext\n===\n\n[a link](https://example.org) ![a picture](x.png)")
    assert (
        "<h" not in html.replace("<hr", "") and "<strong>Title</strong>" in html and "<strong>Setext</strong>" in html
    )
    assert "a link" in html and "a picture" in html and "example.org" not in html and "x.png" not in html


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \r\n"])
def test_white_space_alone_is_empty(text: str) -> None:
    assert markdown_html(text) == "" == plain_html(text)


def test_plain_paragraphs() -> None:
    assert plain_html("a\r\nb\r\n\r\nc") == "<p>a<br>b</p><p>c</p>"


def test_a_long_text_is_rendered_quickly() -> None:
    for text in ("[" * 20_000, "> " * 20_000, "*a " * 20_000, "<" * 50_000, "`" * 20_000 + "a", "- " * 10_000):
        assert_harmless(markdown_html(text))
