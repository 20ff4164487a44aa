"""Reads the texts that test posts may not repeat: a model's training data, or other sets of posts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ppai.errors import StudyError
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem

COLUMNS = "`text`, `body`, `selftext`, `prompt` or `messages`"


class TrainingTexts:
    """The texts of JSON Lines files, read anew at each pass; a title stands before its body.

    A line's text is its `text`; else its `title` with its `body` or `selftext`; else what the user says in its `prompt`
    or `messages`, a text or a list of `{role, content}`.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)

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
    for key in ("prompt", "messages"):
        if isinstance(row.get(key), str):
            return str(row[key])
        if isinstance(row.get(key), list):
            said = [one.get("content") for one in row[key] if isinstance(one, dict) and one.get("role") == "user"]
            return "\n".join(text for text in said if isinstance(text, str))
    return None
