"""What is done to the texts of posts and comments: expressions that replace, the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppai.personal import DOMAIN, EMAIL, HANDLE, PHONE, URL, USER

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, StringValue

_ODD_BLANK = (
    r"\t\n\f\r\x{000B}\x{0085}\x{00A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}"
)
"""White space as Unicode has it but the space, and two signs of no width: engines do not agree on it."""
_FOLDED = rf"[{_ODD_BLANK}][ {_ODD_BLANK}]*| [ {_ODD_BLANK}]+"
"""White space that is more than one space, so that the spaces between most words need not be replaced."""

_TARGET = r"""\(\s*<?(?:[^()\s<>]|\([^()\s]*\))*>?(?:\s+(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?\s*\)"""
"""Of a Markdown link: an address, which may be in angle brackets and have a title."""
_IMAGE = rf"!\[[^\]\[]*\]{_TARGET}"
_MARKDOWN_LINK = rf"\[([^\]\[]*)\]{_TARGET}"
_PART = r"(?:edit(?:ed)?|eta|update|tl[ ;:,./-]*dr)"
_LINE_MARK = rf"[\r\n][\s*_#>(\[~-]*{_PART}(?:\s*#?[0-9]+)?\s*(?:\([^)\n]{{0,40}}\)\s*)?[*_)\]]*[ \t]*"
"""What begins a line that is an edit; a separator follows, or the end of the line."""
_INLINE_MARK = r"\s+[*_(\[]*(?:edit|eta|tl;?dr)(?:\s*[0-9]+)?[*_]*:"
_EDIT_LINE = rf"{_LINE_MARK}(?:[:;=–—-][^\r\n]*|\s*[\r\n]\s*[^\r\n]+)"
_LAST_EDITS = rf"(?i)(?:{_EDIT_LINE}|([.!?)…]){_INLINE_MARK}[^\r\n]*)(?:{_EDIT_LINE})*\s*\z"
"""Edits of a paragraph each, after which nothing comes."""
_FROM_EDIT = rf"(?is)(?:{_LINE_MARK}(?:[:;=–—-]|[\r\n]).*|([.!?)…]){_INLINE_MARK}.*)\z"
_PLACEHOLDER = r"\[(?:link|email|user|phone)\]"
_WORD = r"[\p{L}\p{N}]"
ESCAPES = (
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&#39;", "'"),
    ("&nbsp;", " "),
    ("&#x200B;", " "),
)
"""As Reddit's interface writes these signs; the first is its own sign's, so that "&amp;nbsp;" is a space too."""


def without_escapes(text: StringValue) -> StringValue:
    """The signs that Reddit's dumps write as HTML does."""
    for escape, sign in ESCAPES:
        text = text.replace(escape, sign)
    return text


def without_edits(text: StringValue, first_group: str) -> StringValue:
    """Cut before what begins a line with "Edit:", "Update:" or "TL;DR:", or follows a sentence with such a word.

    Only where at least half of the text stays, or nothing but such paragraphs follows: an early "Edit: thanks" may
    stand before the whole story.
    """
    import ibis

    before = text.re_replace(_FROM_EDIT, first_group)
    return ibis.ifelse(before.length() * 2 >= text.length(), before, text.re_replace(_LAST_EDITS, first_group))


def without_links(text: StringValue, first_group: str) -> StringValue:
    """Addresses and pictures go, of a Markdown link its text stays."""
    return text.re_replace(_IMAGE, "").re_replace(_MARKDOWN_LINK, first_group).re_replace(URL, "")


def without_personal(text: StringValue, first_group: str) -> StringValue:
    """Links, e-mail addresses, user names and telephone numbers, each replaced by a word in brackets."""
    second_group = first_group.replace("1", "2")
    text = text.re_replace(_IMAGE, "[link]").re_replace(_MARKDOWN_LINK, first_group).re_replace(URL, "[link]")
    text = text.re_replace(EMAIL, "[email]")
    put = f"{first_group}[link]{second_group}"
    # Twice: a match takes the sign after it, with which the next would begin; DuckDB's RE2 cannot look ahead.
    text = text.re_replace(DOMAIN, put).re_replace(DOMAIN, put)
    text = text.re_replace(USER, f"{first_group}[user]").re_replace(HANDLE, f"{first_group}[user]")
    return text.re_replace(PHONE, f"{first_group}[phone]{second_group}")


def has_words(text: StringValue) -> BooleanValue:
    """Whether a letter or a digit is left beside what stands for links and personal data."""
    return text.re_replace(_PLACEHOLDER, "").re_search(_WORD)


def folded(text: StringValue) -> StringValue:
    """White space made one space, none at the ends."""
    return text.re_replace(_FOLDED, " ").strip()
