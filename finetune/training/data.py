"""Reads training data: conversations whose last message is the answer, from JSON Lines or Parquet."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppai.errors import MissingPackage, PPAIError, StudyError
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem, kind, quoted

Message = dict[str, str]

ROLES = ("system", "user", "assistant")
SUFFIXES = (".parquet", ".jsonl", ".json")
SPLITS = ("train", "validation")
MAX_PROBLEMS = 10
"""Problems of one file that are told; more add nothing."""


@dataclass(frozen=True)
class Conversation:
    """One training example."""

    prompt: tuple[Message, ...]
    """What stands before the answer, at least one message."""
    answer: str
    file: str
    line: int
    """1-based; of a Parquet file the row."""
    split: str | None = None
    """The side that the file itself gives it, of `SPLITS`."""

    @property
    def messages(self) -> list[Message]:
        return [*self.prompt, {"role": "assistant", "content": self.answer}]


@dataclass(frozen=True)
class Conversations:
    """What a run trains on and is judged by."""

    train: tuple[Conversation, ...]
    validation: tuple[Conversation, ...]
    held_out: bool
    """Whether `validation` was taken out of the training file."""

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of SHA-256 over both sets, in their order."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            for one in part:
                digest.update(json.dumps(one.messages, ensure_ascii=False, sort_keys=True).encode() + b"\n")
            digest.update(b"\0")
        return digest.hexdigest()[:16]


def read_data(train: str, validation: str | None, *, share: float, seed: int) -> Conversations:
    """Both sets of a run.

    A directory stands for its `train` and `validation` files, as `ppai curate` writes them. Without a validation
    file the rows whose column `split` says validation judge; where none does, `share` of the distinct prompts of
    `train` is held out, drawn with `seed`. Raises StudyError with a line a problem, and PPAIError where a prompt
    stands in both sets, or both a file and a column say what judges.
    """
    if validation is not None and (judging := Path(validation)).is_dir():
        inside = _in_folder(judging, "validation")
        such = f", such as {inside}" if inside else ""
        raise PPAIError(f"data.validation: {judging} is a folder: name a file with --validation{such}")
    folder = Path(train)
    if folder.is_dir():
        validation = validation or _in_folder(folder, "validation")
        inside = _in_folder(folder, "train")
        if inside is None:
            names = ", ".join(f"train{suffix}" for suffix in SUFFIXES)
            raise PPAIError(f"data.train: {folder} is a folder that has none of {names}: name a file with --data")
        train = inside
    found = read_conversations(Path(train))
    learned, judged = _by_split(found)
    if validation is None:
        if not judged:
            return _held_out(found, share, seed)
    elif judged:
        raise PPAIError(f"{found[0].file}: has a split of its own, so that {Path(validation).name} cannot judge too")
    else:
        judged = read_conversations(Path(validation))
    _refuse_shared(learned, judged)
    return Conversations(tuple(learned), tuple(judged), held_out=validation is None)


def _by_split(found: Sequence[Conversation]) -> tuple[list[Conversation], list[Conversation]]:
    """Those to learn from and those that judge; raises PPAIError where not all rows, or none to learn from, say so."""
    learned, judged, silent = ([one for one in found if one.split == side] for side in (*SPLITS, None))
    if silent and (learned or judged):
        raise PPAIError(f"{silent[0].file}:{silent[0].line}: split: is missing, and other rows have one")
    if judged and not learned:
        raise PPAIError(f"{judged[0].file}: split: all rows say validation, none train")
    return learned or silent, judged


def _refuse_shared(learned: Sequence[Conversation], judged: Sequence[Conversation]) -> None:
    seen = {_key(one): f"{one.file}:{one.line}" for one in learned}
    for one in judged:
        if (place := seen.get(_key(one))) is not None:
            raise PPAIError(f"{one.file}:{one.line}: the prompt stands in {place} too, so it judges nothing")


def read_conversations(path: Path) -> list[Conversation]:
    """The conversations of one file, in its order. Raises StudyError with a line a problem."""
    problems: list[Problem] = []
    found = []
    for line, row in _rows(path, problems):
        try:
            (prompt, answer), split = _parts(row), _split(row)
        except ValueError as error:
            field, _, message = str(error).partition(": ")
            problems.append(Problem(path.name, line, field, message))
            continue
        found.append(Conversation(tuple(prompt), answer, path.name, line, split))
    if not found and not problems:
        problems.append(Problem(path.name, 0, "", "holds no conversations"))
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise StudyError([*problems[:MAX_PROBLEMS], *([f"{path.name}: {more} more like these"] if more > 0 else [])])
    return found


def _in_folder(folder: Path, stem: str) -> str | None:
    files = (folder / f"{stem}{suffix}" for suffix in SUFFIXES)
    return next((str(file) for file in files if file.is_file()), None)


def _rows(path: Path, problems: list[Problem]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    return _parquet_rows(path) if path.suffix == ".parquet" else read_objects(path, problems)


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingPackage("pyarrow", "train") from None
    try:
        with ParquetFile(path) as file:
            columns = [one for one in ("messages", "prompt", "completion", "split") if one in file.schema_arrow.names]
            number = 0
            for batch in file.iter_batches(columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {key: value for key, value in row.items() if value is not None}
    except OSError as error:
        raise PPAIError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ArrowException as error:
        raise PPAIError(f"{path.name}: is no Parquet file: {error}") from error


def _parts(row: Mapping[str, Any]) -> tuple[list[Message], str]:
    """The messages before the answer, and the answer. Raises ValueError as `field: what is wrong`."""
    if "messages" in row:
        messages = _messages(row["messages"], "messages")
        if messages[-1]["role"] != "assistant":
            raise ValueError("messages: the last one must be the assistant's answer")
        *prompt, last = messages
        field = f"messages.{len(prompt)}.content"
    elif "prompt" in row and "completion" in row:
        prompt, completion = _said(row["prompt"], "prompt", "user"), _said(row["completion"], "completion", "assistant")
        if len(completion) != 1 or completion[0]["role"] != "assistant":
            raise ValueError("completion: must be one message of the assistant")
        last, field = completion[0], "completion"
    else:
        missing = "completion" if "prompt" in row else "prompt" if "completion" in row else "messages"
        raise ValueError(f"{missing}: is missing" + ("" if missing != "messages" else ", as are prompt and completion"))
    if not last["content"].strip():
        raise ValueError(f"{field}: the answer is empty")
    if not any(one["role"] == "user" and one["content"].strip() for one in prompt):
        raise ValueError(f"{'messages' if 'messages' in row else 'prompt'}: no user says anything before the answer")
    return prompt, last["content"]


def _split(row: Mapping[str, Any]) -> str | None:
    """Raises ValueError as `_parts` does."""
    if (split := row.get("split")) is None or split in SPLITS:
        return split
    raise ValueError(f"split: {quoted(split)} is none of {', '.join(SPLITS)}")


def _said(value: object, field: str, role: str) -> list[Message]:
    return [{"role": role, "content": value}] if isinstance(value, str) else _messages(value, field)


def _messages(value: object, field: str) -> list[Message]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{field}: must be a list of messages, not {kind(value) if value != [] else 'empty'}")
    for place, one in enumerate(value):
        if not isinstance(one, dict) or not isinstance(one.get("content"), str):
            raise ValueError(f"{field}.{place}: must be an object with role and content, both texts")
        if one.get("role") not in ROLES:
            raise ValueError(f"{field}.{place}.role: {quoted(one.get('role'))} is none of {', '.join(ROLES)}")
    return [{"role": one["role"], "content": one["content"]} for one in value]


def _key(one: Conversation) -> str:
    return json.dumps(one.prompt, sort_keys=True)


def _held_out(found: Sequence[Conversation], share: float, seed: int) -> Conversations:
    prompts = sorted({_key(one) for one in found})
    if len(prompts) < 2:
        raise PPAIError(f"{found[0].file}: one prompt alone cannot be split: name a validation file with --validation")
    random.Random(seed).shuffle(prompts)
    chosen = set(prompts[: max(1, min(len(prompts) - 1, round(share * len(prompts))))])
    return Conversations(
        tuple(one for one in found if _key(one) not in chosen),
        tuple(one for one in found if _key(one) in chosen),
        held_out=True,
    )
