"""What is wrong with a study's files: one problem a line, in words meant for the person who wrote them."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


@dataclass(frozen=True)
class Problem:
    """One fault. `line` is 1-based and 0 where none applies; `field` may be empty."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = ": ".join(part for part in (place, self.field, self.message) if part)
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def quoted(value: object) -> str:
    """A value as a message shows it, cut to a readable length."""
    return _short.repr(value)


def kind(value: object) -> str:
    """The JSON word for a value's type."""
    words = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return "null" if value is None else words.get(type(value), type(value).__name__)


def explain(error: ValidationError) -> list[tuple[tuple[Any, ...], str]]:
    """Each fault of a record as (path of its field, message)."""
    return [_explain_one(fault) for fault in error.errors(include_url=False)]


def problems_of(error: ValidationError, file: str, line: int) -> list[Problem]:
    """The faults of the record on one line of a file."""
    return [Problem(file, line, dotted(path), message) for path, message in explain(error)]


def dotted(path: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in path)


def _explain_one(fault: Mapping[str, Any]) -> tuple[tuple[Any, ...], str]:
    path, value, message = tuple(fault["loc"]), fault["input"], str(fault["msg"])
    match fault["type"]:
        case "missing":
            return path, "is missing"
        case "string_type":
            return path, f"must be text, not {kind(value)}"
        case "string_too_short":
            return path, "is empty"
        case "string_too_long":
            return path, f"is {len(value)} characters long; at most {fault['ctx']['max_length']} are allowed"
        case "extra_forbidden":
            return path, "is not a known key"
        case "value_error":
            message = message.removeprefix("Value error, ")
            named = re.match(r"([a-z0-9_]+): (.+)", message, re.DOTALL)
            return ((*path, named[1]), named[2]) if named else (path, message)
    message = message[:1].lower() + message[1:]
    shown = quoted(value) if value is None or isinstance(value, str | int | float) else kind(value)
    return path, f"{message.replace('input should be', 'must be')}, not {shown}"
