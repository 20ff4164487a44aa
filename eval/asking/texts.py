"""Reads the texts that new ones may not repeat: a model's training data, or other sets of posts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ppai.errors import StudyError
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem

Texts = Iterable[tuple[str, str]]
"""Pairs of (where it stands, text): what a new text may not repeat."""

COLUMNS = "`text`, `body`, `selftext`, `prompt` or `messages`"


class TrainingTexts:
    """The texts of JSON Lines files, read anew at each pass; a title stands before its body.

    A line's text is its `text`; else its `title` with its `body` or `selftext`; else what the user says in its `prompt`
    or `messages`, a text or a list of `{role, content}`. With `answers` what stands in its `response`, `ai_answer` or
    `completion`, or what the assistant says in its `messages`, is a text too.
    """

    def __init__(self, paths: Sequence[Path], *, answers: bool = False) -> None:
        self.paths, self._answers = tuple(paths), answers

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Pairs of (`file:line`, text). Raises StudyError at the end of a file in which something is wrong."""
        for path in self.paths:
            problems: list[Problem] = []
            for line, row in read_objects(path, problems):
                text = _text(row)
                if text is None:
                    problems.append(Problem(path.name, line, "", f"has no text in {COLUMNS}"))
                else:
                    yield f"{path.name}:{line}", text
                    if self._answers and (answer := _answer(row)):
                        yield f"{path.name}:{line}", answer
            if problems:
                raise StudyError(problems[:20])

    def count(self) -> int:
        """How many there are; raises StudyError before anything is paid for."""
        return sum(1 for _ in self)


def _text(row: Mapping[str, Any]) -> str | None:
    if isinstance(row.get("text"), str):
        return str(row["text"])
    for key in ("body", "selftext"):
        if isinstance(row.get(key), str):
            return f"{row.get('title') or ''} {row[key]}".strip()
    return _said(row, ("prompt", "messages"), "user")


def _answer(row: Mapping[str, Any]) -> str | None:
    for key in ("response", "ai_answer"):
        if isinstance(row.get(key), str):
            return str(row[key])
    return _said(row, ("completion", "messages"), "assistant")


def _said(row: Mapping[str, Any], keys: Sequence[str], role: str) -> str | None:
    for key in keys:
        if isinstance(row.get(key), str):
            return str(row[key])
        if isinstance(row.get(key), list):
            said = [one.get("content") for one in row[key] if isinstance(one, dict) and one.get("role") == role]
            return "\n".join(text for text in said if isinstance(text, str))
    return None
