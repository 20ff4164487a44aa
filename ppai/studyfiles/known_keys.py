"""Tells a key that study.yaml adds to the format from one that was meant to be a key of the format."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ppai.schema import Criterion, Generation, Record, StudyConfig, System

ALIKE = 0.75
"""The ratio of `difflib` from which a key is taken for a slip; `nmae` for `name` has just that."""
SHORTEST = 4
"""Letters of a key that a slip can be told from; shorter ones are required, and are missed by themselves."""
LONGER = 2
"""A slip has at most so many letters more or less."""


def slips(values: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """(path of a key, the key that was meant) of every unknown key that nearly is a known one."""
    yield from _slips((), values, StudyConfig)
    for name, model in (("systems", System), ("criteria", Criterion)):
        rows = values.get(name)
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, dict):
                yield from _slips((name, index), row, model)
                inner = row.get("generation") if model is System else None
                yield from _slips((name, index, "generation"), inner if isinstance(inner, dict) else (), Generation)


def _slips(path: tuple[Any, ...], keys: Iterable[str], model: type[Record]) -> Iterator[tuple[tuple[Any, ...], str]]:
    known = [key for key in model.model_fields if len(key) >= SHORTEST]
    for key in keys:
        if key not in model.model_fields and (meant := _meant(key, known)):
            yield (*path, key), meant


def _meant(key: str, known: Iterable[str]) -> str | None:
    """The known key that is nearest; `question_de` is no slip, and says so by its underscore."""
    written = key.casefold().replace("-", "_")
    near = [name for name in known if abs(len(name) - len(written)) <= LONGER and not written.startswith(f"{name}_")]
    return next(iter(difflib.get_close_matches(written, near, 1, ALIKE)), None)
