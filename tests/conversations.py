"""Short conversations as training data, and files of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SYSTEM = "You are a fellow parent."
POSTS = ("She will not sleep", "He throws his food", "They fight all day", "No homework gets done", "My teen is silent")
ANSWERS = (
    "Ours was the same. A lamp and one short story each evening helped us within two weeks.",
    "Smaller portions, and the plate goes when it flies. It took five days.",
    "We gave each of them ten minutes alone with one of us. It is calmer now.",
)


def row(number: int, **changed: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"{POSTS[number % len(POSTS)]} - post {number}. What helped you?"},
        {"role": "assistant", "content": ANSWERS[number % len(ANSWERS)]},
    ]
    return {"messages": messages, "id": str(number)} | changed


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), encoding="utf-8")
    return path


def write_conversations(path: Path, count: int, first: int = 0) -> Path:
    return write_rows(path, (row(number) for number in range(first, first + count)))
