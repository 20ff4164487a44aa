"""Reads a results page: the texts of its HTML and figures with what stands around each, and the points it draws."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any

Json = Mapping[str, Any]

UPRIGHT = ("time", "raters", "sequence")
"""Parts whose charts have their figures on the vertical axis."""


@dataclass(frozen=True)
class Said:
    """One text of the page with what stands around it, from near to far."""

    part: str
    text: str
    around: tuple[str, ...] = ()
    """Of a cell its row's and column's names, the table's caption, the section's criterion."""

    def __str__(self) -> str:
        return f"{self.part}: {self.text!r} ({' / '.join(self.around)})"


class _Reader(HTMLParser):
    """The texts of one part of the page, of cells with the names of their row and column."""

    BLOCKS = frozenset({"p", "li", "dd", "h2", "summary", "option", "button"})

    def __init__(self, part: str, criterion: str) -> None:
        super().__init__(convert_charrefs=True)
        self.part, self.criterion, self.said = part, criterion, list[Said]()
        self._caption, self._columns, self._row = "", list[str](), list[str]()
        self._head, self._place, self._silent = False, 0, False
        self._texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("th", "td", "caption", *self.BLOCKS):
            self._texts = []
        elif tag == "thead":
            self._head, self._columns = True, []
        elif tag == "tr":
            self._row, self._place = [], 0
        elif tag == "sup":
            self._silent = True
        elif tag == "div" and (label := dict(attrs).get("aria-label")):
            self._say(tidy(label))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = tidy(" ".join(self._texts))
        if tag == "sup":
            self._silent = False
        elif tag == "thead":
            self._head = False
        elif tag == "caption":
            self._caption = text
            self._say(text)
        elif tag in ("th", "td"):
            self._cell(tag, text)
        elif tag in self.BLOCKS and text:
            self._say(text)
            self._texts = []

    def _say(self, text: str) -> None:
        self.said.append(Said(self.part, text, (text, self.criterion)))

    def _cell(self, tag: str, text: str) -> None:
        if self._head:
            self._columns.append(text)
        elif text:
            names = [*self._row, *self._columns[self._place : self._place + 1]]
            self.said.append(Said(self.part, text, (" / ".join(names), self._caption, self.criterion)))
            self._row += [text] if tag == "th" else []
        self._place += 1


def tidy(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def texts_of(part: str, html: str, criterion: str = "") -> list[Said]:
    """What a part of the page says, as its HTML has it; `criterion` is the one that its section shows."""
    reader = _Reader(part, criterion)
    reader.feed(html)
    return reader.said


def texts_of_figure(part: str, figure: Json, criterion: str) -> list[Said]:
    """What stands in a figure and at its points."""
    found = [Said(part, bare(one["text"]), (bare(one["text"]), criterion)) for one in figure["layout"]["annotations"]]
    for trace in figure["data"]:
        hover = trace.get("hovertext") or []
        flat = [text for row in hover for text in row] if hover and isinstance(hover[0], list) else hover
        found += [Said(part, bare(text), (bare(text), criterion)) for text in flat]
        if trace["type"] == "bar":
            beside = zip(trace.get("text") or [], hover, strict=False)
            found += [Said(part, text, (bare(name), criterion)) for text, name in beside]
    return [said for said in found if said.text]


def bare(text: str) -> str:
    """A text of a figure without Plotly's tags."""
    return tidy(unescape(re.sub(r"<[^>]*>", " ", text.replace("<br>", "; "))))


def drawn(part: str, figure: Json, criterion: str) -> Iterator[tuple[tuple[str, ...], tuple[float, ...]]]:
    """The numbers that a figure draws, point by point with what stands around it: one, or an interval."""
    for trace in figure["data"]:
        if trace["type"] == "heatmap":
            for names, row in zip(trace["hovertext"], trace["z"], strict=True):
                yield from (
                    ((bare(name), criterion), (z,)) for name, z in zip(names, row, strict=True) if z is not None
                )
            continue
        if trace.get("mode") == "lines" and trace.get("hoverinfo") == "skip" and "fill" not in trace:
            assert set(trace["x"]) <= {0.5, 0.0} or set(trace["y"]) <= {0.5, None}, "a line where both are equal"
            continue
        names = trace.get("hovertext") or [""] * len(trace["x"])
        values = trace["y"] if part in UPRIGHT else trace["x"]
        error = trace.get("error_x")
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            if value is not None:
                ends = () if error is None else (value - error["arrayminus"][place], value + error["array"][place])
                yield (bare(name), criterion), (value, *ends)
