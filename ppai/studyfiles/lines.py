"""Reads text files line by line, saying where one is not UTF-8 or not JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ppai.studyfiles.problems import Problem, kind

MAX_DEPTH = 32
"""How deep the objects and lists of one line may be nested."""

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def read_bytes(path: Path, problems: list[Problem]) -> bytes | None:
    """The contents without a byte-order mark; None, and a problem, where they cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        problems.append(Problem(path.name, 0, "", "the file is missing"))
        return None
    except OSError as error:
        problems.append(Problem(path.name, 0, "", f"cannot be read: {error.strerror or error}"))
        return None
    if data.startswith(_UTF16_BOMS):
        problems.append(Problem(path.name, 1, "", "is UTF-16 text; save it as UTF-8"))
        return None
    return data.removeprefix(_UTF8_BOM)


def read_lines(path: Path, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    """Every line with its 1-based number, without its line end; lines that are not UTF-8 become problems."""
    data = read_bytes(path, problems)
    return iter(()) if data is None else _decoded_lines(path.name, data, problems)


def read_text(path: Path, problems: list[Problem]) -> str | None:
    """The whole text; None, and a problem for every bad line, where it is not UTF-8."""
    data = read_bytes(path, problems)
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        list(_decoded_lines(path.name, data, problems))
        return None


def _decoded_lines(file: str, data: bytes, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            yield number, line.decode().removesuffix("\r")
        except UnicodeDecodeError as error:
            what = f"is not UTF-8 text: byte 0x{line[error.start]:02x} at position {error.start + 1}"
            problems.append(Problem(file, number, "", what))


def read_objects(path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON Lines file with their line numbers; blank lines are passed over."""
    for number, _, row in read_objects_as_they_stand(path, problems):
        yield number, row


def read_objects_as_they_stand(path: Path, problems: list[Problem]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The same, each with its line as it is written."""
    for number, line in read_lines(path, problems):
        if line.strip():
            try:
                yield number, line, parse_object(line)
            except ValueError as error:
                problems.append(Problem(path.name, number, "", str(error)))


def parse_object(line: str) -> dict[str, Any]:
    """One JSON object.

    Raises:
        ValueError: with the reason in words. Beside bad JSON: a key that stands twice, NaN or Infinity, nesting
            deeper than `MAX_DEPTH`, and text that cannot be stored (NUL, half of a surrogate pair).
    """
    try:
        value = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"must be a JSON object, not {kind(value)}")
    if line.count("{") + line.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise ValueError("is nested too deeply")
    if _SUSPECT_ESCAPE.search(line) and not all(storable(text) for text in _texts(value)):
        raise ValueError("holds a NUL character or half of a surrogate pair, which cannot be stored")
    return value


def storable(text: str) -> bool:
    """Whether every store can keep the text: no NUL, no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"is not JSON: {name} is not a number that can be kept")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:30]} is too large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [child for parent in level for child in _children(parent)]
    return depth


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            yield from node
        waiting.extend(_children(node))
