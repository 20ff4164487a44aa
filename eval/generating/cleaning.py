"""Makes of what a model wrote the response as raters read it."""

from __future__ import annotations

import re

_SOURCE = re.compile(r"(?:^|(?<=\s))[\[(*_#>-]{0,3}[ \t]?\*{0,2}(?:Sources?|SOURCES?)\*{0,2}:")
_BLANK_LINES = re.compile(r"\n(?:[ \t\r]*\n){2,}")
_SENTENCE = r"(?<!\b(?:Dr|Mr|Ms|St|vs))(?<!\b(?:Mrs|e\.g|i\.e))[.!?…؟۔।][\"'”’»)*_]*(?=\s|$)"
_WIDE_SENTENCE = r"[。！？][”’」』）*_]*"
_WHOLE_LINE = r"(?<=[^\s:,;])(?=[ \t]*\n)"
_END = re.compile(f"{_SENTENCE}|{_WIDE_SENTENCE}|{_WHOLE_LINE}")
_NEXT_ITEM = re.compile(r"(?:^|(?<=[.!?…:\"”)*\n]))\s*\d{1,2}[.)]\**\s*$|(?:^|\n)[ \t]*(?:[-*•]\**|#+[^\n]*)\s*$")


def clean(raw: str, *, hit_limit: bool) -> str:
    r"""The response as it is shown.

    A "Source:" goes with the brackets or stars before it and all that follows, as in the published study: models end
    with references that they make up. Where the limit of tokens ended the text (`hit_limit`), the sentence that it
    broke off goes, with the number of a list's item that did not begin; a text without any end stays whole. Line
    breaks stay, of more than one blank line one.

    >>> clean("Hold on.\n\n\n\nIt gets better.\n\n(Source: some site)", hit_limit=False)
    'Hold on.\n\nIt gets better.'
    >>> clean("Two things: 1. Wait. 2. Breathe. 3. And th", hit_limit=True)
    'Two things: 1. Wait. 2. Breathe.'
    """
    found = _SOURCE.search(raw)
    text = _BLANK_LINES.sub("\n\n", raw[: found.start()] if found else raw).lstrip()
    return (text if found or not hit_limit else _without_torn_end(text)).rstrip()


def _without_torn_end(text: str) -> str:
    ends = [match.end() for match in _END.finditer(text) if not _NEXT_ITEM.search(text[: match.end()])]
    return text[: ends[-1]].rstrip() if ends else text
