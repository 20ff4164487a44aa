"""Puts a system's entry into the text of study.yaml, and leaves every other character of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from ppai.studyfiles.config import LOADER


def flow(values: Any) -> str:
    """In one line, as people write it: `{id: ft, generation: {model: m, adapter: adapter}}`."""
    if isinstance(values, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(value)}" for key, value in values.items()) + "}"
    if isinstance(values, list):
        return "[" + ", ".join(map(flow, values)) + "]"
    if isinstance(values, str):
        plain = values.replace("_", "").replace("-", "").replace("/", "").replace(".", "")
        bare = values.isascii() and plain.isalnum() and values[0].isalpha()
        return values if bare and yaml.load(values, Loader=LOADER) == values else _quoted(values)
    number = json.dumps(values)
    return number.replace("e", ".0e") if isinstance(values, float) and "." not in number else number


def _quoted(text: str) -> str:
    """As JSON has it, but for what JSON writes as halves of a pair, which YAML does not read."""
    if text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    return yaml.safe_dump(text, default_style='"', width=float("inf")).rstrip("\n")


def with_entries(text: str, entries: Sequence[str]) -> str:
    """A file that lists no systems, with these. Raises yaml.YAMLError where it is none that can be read."""
    node = _systems_node(text)
    if node is not None and node.flow_style:
        at = node.start_mark.index + 1
        return text[:at] + ", ".join(entries) + text[at:]
    at, line_end = _document_end(text), _line_end(text)
    before = text[:at] + ("" if text[:at].endswith("\n") or not text[:at] else line_end)
    added = "".join(f"{line}{line_end}" for line in ("systems:", *(f"  - {entry}" for entry in entries)))
    return before + added + text[at:]


def with_entry(text: str, entry: str) -> str:
    """A file that lists systems, with one more behind them."""
    node = _systems_node(text)
    assert node is not None and node.value
    last = node.value[-1]
    if node.flow_style:
        at = _end(text, last)
        return f"{text[:at]}, {entry}{text[at:]}"
    dash = text.rindex("-", 0, last.start_mark.index)
    column = dash - text.rfind("\n", 0, dash) - 1
    at = _rest_of_line(text, _end(text, last))
    return f"{text[:at]}{_line_end(text)}{' ' * column}- {entry}{text[at:]}"


def with_entry_replaced(text: str, place: int, entry: str) -> str:
    """A file with another entry in the place, counted from 0; comments of the one before stand behind it."""
    node = _systems_node(text)
    assert node is not None
    item = node.value[place]
    start, end = item.start_mark.index, _end(text, item)
    comments = "".join(f"  {comment}" for comment in _comments(text, start, end))
    if comments and node.flow_style:
        comments += _line_end(text) + " " * item.start_mark.column
    return text[:start] + entry + comments + text[end:]


def _systems_node(text: str) -> yaml.SequenceNode | None:
    root = yaml.compose(text, Loader=LOADER)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "systems" and isinstance(value, yaml.SequenceNode):
            return value
    return None


def _document_end(text: str) -> int:
    """Where a line `...` stands, else the end of the text."""
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.DocumentEndEvent) and event.explicit and event.start_mark is not None:
            return int(event.start_mark.index)
    return len(text)


def _end(text: str, item: yaml.Node) -> int:
    """Where the item's own text ends; a block's mark stands behind the blank lines and comments that follow it."""
    if isinstance(item, yaml.CollectionNode) and not item.flow_style and item.value:
        inner = item.value[-1]
        return _end(text, inner[1] if isinstance(inner, tuple) else inner)
    end = int(item.end_mark.index)
    return len(text[:end].removesuffix("\n").removesuffix("\r"))


def _comments(text: str, start: int, end: int) -> list[str]:
    """Those of a stretch of the text: between two tokens nothing else but space can stand."""
    found, at = [], 0
    for token in yaml.scan(text, Loader=LOADER):
        gap = text[max(at, start) : min(token.start_mark.index, end)]
        found += [comment.rstrip() for comment in re.findall("#.*", gap)]
        at = token.end_mark.index
    return found


def _rest_of_line(text: str, at: int) -> int:
    """Where the line ends that this place is in."""
    found = re.compile(r"\r?\n").search(text, at)
    return found.start() if found else len(text)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
