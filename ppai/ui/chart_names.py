"""Names beside, over and under the rows of a chart, in lines that a narrow one has room for. Pure."""

from __future__ import annotations

from textwrap import wrap

LETTER = 7.2
"""Pixels a letter of an axis label takes, about."""
LONGEST_LABEL, LONGEST_NAME = 16, 64
"""Most letters of a line of a row's name, and of the name: a longer one loses its middle."""
MARK_ROW, MARK_SIZE, MARK_LETTER, MARK_LINE = 13, 10, 5.3, 26
"""Of a line of a warning under a label: pixels of height and of its letters, about the width of one, most letters."""
NAME_LINE, NAME_ROW = 36, 17
"""Most letters of a line of a name that stands in full, over rows or in a legend, and its height in pixels."""


def plain(text: str) -> str:
    """Text that Plotly shows as it is: it reads a few tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def wrapped(name: str) -> str:
    """A name in full, in lines that a narrow chart has room for: two long ones may differ at the end alone."""
    return "<br>".join(map(plain, wrap(name, NAME_LINE))) or plain(name)


def short(label: str, most: int = LONGEST_LABEL) -> str:
    """Without its middle where it is long: judges of one maker or of one version differ at either end."""
    half = most // 2
    return label if len(label) <= most else f"{label[: half - 1]}…{label[-half:]}"


def name_lines(label: str) -> list[str]:
    """A row's name, in as many lines as it needs: what stands beside it has most of a narrow chart's width."""
    return wrap(short(label, LONGEST_NAME), LONGEST_LABEL) or [label]


def mark_lines(mark: str) -> list[str]:
    """A warning in lines that leave a narrow chart room for its bars."""
    return wrap(f"⚠ {mark}", MARK_LINE) if mark else []


def tick(label: str, mark: str) -> str:
    """A row's name on the axis, its warning beneath it."""
    lines = "<br>".join(map(plain, mark_lines(mark)))
    below = f'<br><span style="font-size:{MARK_SIZE}px">{lines}</span>' if lines else ""
    return "<br>".join(map(plain, name_lines(label))) + below


def lines_below(label: str, mark: str) -> int:
    """Pixels of what a row has beneath the first line of its name."""
    return NAME_ROW * (len(name_lines(label)) - 1) + MARK_ROW * len(mark_lines(mark))


def label_width(label: str, mark: str) -> float:
    """Pixels, about."""
    widths = [LETTER * len(line) for line in name_lines(label)]
    return max([*widths, *(MARK_LETTER * len(line) for line in mark_lines(mark))])
