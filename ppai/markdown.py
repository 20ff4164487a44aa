"""GitHub-flavoured Markdown: text that is read as it was typed, and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SIGNS = re.compile(r"[\\`*_|~$#]")
_BLOCK = re.compile(r"(?:\d+(?=[.)])|(?=[-+\[=]))")


def typed(text: str) -> str:
    """On one line, with no sign in it read as markup; `[60, 78]` stays as it is, since no text here makes it a link."""
    line = " ".join(text.split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SIGNS.sub(r"\\\g<0>", line).replace("](", "]\\(").replace("]:", "]\\:")


def item(text: str) -> str:
    """An item of a list, which does not begin another list or a box to tick."""
    line = typed(text)
    begins = _BLOCK.match(line)
    return f"- {line[: begins.end()]}\\{line[begins.end() :]}" if begins else f"- {line}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, names: int = 1) -> list[str]:
    """The lines of a table, its first `names` columns flush left and the others flush right."""
    rule = ["---"] * names + ["---:"] * (len(columns) - names)
    return [_row(map(typed, columns)), _row(rule), *(_row(map(typed, row)) for row in rows)]


def _row(cells: Sequence[str] | map[str]) -> str:
    return f"| {' | '.join(cells)} |"
