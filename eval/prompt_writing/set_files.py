"""Where a set of test posts is written, in the published layout, with a record of how it was made beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.prompt_writing.checking import Post
from eval.prompt_writing.plan import Item
from ppai.errors import PPAIError
from ppai.studyfiles.published_names import PROMPTS_SUFFIX, prompt_files
from ppai.studyfiles.whole_files import write_whole

RECORD_SUFFIX = "_made.json"


def target_of(out: Path) -> Path:
    """The set's file: `out`, or, where that is a directory, `test_samples.jsonl` in it.

    Raises PPAIError where it stands already, where a study could not be read from there, or would have two sets.
    """
    target = out if out.suffix == ".jsonl" else out / PROMPTS_SUFFIX
    if not target.name.endswith(PROMPTS_SUFFIX):
        raise PPAIError(f"--out: {target.name} must end in {PROMPTS_SUFFIX}, so that a study is read from beside it")
    if target.exists():
        raise PPAIError(f"--out: {target} stands already; remove it or choose another name")
    if target.parent.exists():
        if not target.parent.is_dir():
            raise PPAIError(f"--out: {target.parent} is no directory")
        if others := prompt_files(target.parent):
            raise PPAIError(f"--out: {target.parent} holds {others[0].name} already; a study has one set of prompts")
    return target


def write_set(target: Path, items: tuple[Item, ...], posts: Mapping[int, Post], record: Mapping[str, Any]) -> None:
    """Writes the set and the record, each whole or not at all; every item has its post.

    Raises PPAIError, and writes nothing, where `target_of` does: a set that stands is never overwritten.
    """
    target_of(target)
    lines = [json.dumps(_row(item, posts[item.id]), ensure_ascii=False) + "\n" for item in items]
    made = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    write_whole(target.parent, {target.stem + RECORD_SUFFIX: made, target.name: "".join(lines)})


def _row(item: Item, post: Post) -> dict[str, Any]:
    row = {"id": item.id, "text": post.text, "title": post.title, "body": post.body, "topic": item.topic}
    return row | {"child_age": post.child_age}
