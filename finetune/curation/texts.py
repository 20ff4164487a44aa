"""What is done to the texts of posts and comments: expressions that replace, the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis.expr.types import StringValue

_ODD_BLANK = (
    r"\t\n\f\r\x{000B}\x{0085}\x{00A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}"
)
"""White space as Unicode has it but the space, and two signs of no width: engines do not agree on it."""
_FOLDED = rf"[{_ODD_BLANK}][ {_ODD_BLANK}]*| [ {_ODD_BLANK}]+"
"""White space that is more than one space, so that the spaces between most words need not be replaced."""

_MARKDOWN_LINK = r"\[([^\]\[]*)\]\((?:[^()\s]|\([^()\s]*\))*\)"
_URL = r"(?i)(?:https?://|www\.)(?:[^\s()<>\x{00A0}]|\([^\s()<>]*\))+"
_DOMAIN = (
    r"(?i)(^|[^a-z0-9@._/-])(?:[a-z0-9][a-z0-9-]*\.)+(?:com|org|net|edu|gov|info|io|co\.uk)"
    r"(?:/(?:[^\s()<>\x{00A0}]*[a-z0-9/_=&%#-])?)?([^a-z0-9-]|$)"
)
"""A host without "https://": of the common endings only, or a full stop without a space would make one."""
_EMAIL = r"(?i)[a-z0-9][a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}"
_USER = r"(^|[^A-Za-z0-9/])/?[uU]/[A-Za-z0-9_-]{3,20}"
_PHONE = (
    r"(^|[^0-9A-Za-z$€£.,/-])"
    r"(?:\+[0-9]{1,3}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){2,3}"
    r"|(?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4})"
    r"([^0-9A-Za-z]|$)"
)
_PART = r"(?:edit(?:ed)?|eta|update|tl[ ;:,./-]*dr)"
_TRAILING = (
    rf"(?is)(?:[\r\n][\s*_#>(\[~-]*{_PART}(?:\s*#?[0-9]+)?\s*(?:\([^)\n]{{0,40}}\)\s*)?[*_)\]]*\s*(?:[:;=–—-]|[\r\n]).*$"
    rf"|([.!?)…])\s+[*_(\[]*(?:edit|eta|tl;?dr)(?:\s*[0-9]+)?[*_]*:.*$)"
)
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
    """Cut before what begins a line with "Edit:", "Update:" or "TL;DR:", or follows a sentence with such a word."""
    return text.re_replace(_TRAILING, first_group)


def without_links(text: StringValue, first_group: str) -> StringValue:
    """Addresses go, of a Markdown link its text stays."""
    return text.re_replace(_MARKDOWN_LINK, first_group).re_replace(_URL, "")


def without_personal(text: StringValue, first_group: str) -> StringValue:
    """Links, e-mail addresses, user names and telephone numbers, each replaced by a word in brackets."""
    second_group = first_group.replace("1", "2")
    text = text.re_replace(_MARKDOWN_LINK, first_group).re_replace(_URL, "[link]").re_replace(_EMAIL, "[email]")
    text = text.re_replace(_DOMAIN, f"{first_group}[link]{second_group}")
    text = text.re_replace(_USER, f"{first_group}[user]")
    return text.re_replace(_PHONE, f"{first_group}[phone]{second_group}")


def folded(text: StringValue) -> StringValue:
    """White space made one space, none at the ends."""
    return text.re_replace(_FOLDED, " ").strip()
