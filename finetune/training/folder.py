"""The directory of a run: what it was begun with, its checkpoints, and whether it is finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.recipe import Recipe
from finetune.training.data import Conversations
from ppai.errors import PPAIError
from ppai.locks import lock
from ppai.studyfiles.whole_files import write_whole

RUN = "run.json"
CHECKPOINTS = "checkpoints"
PARTIAL = ".partial"
FINISHED = "training_summary.json"
LOCK = ".lock"
"""Held by the process that writes; it stays when that ends, and then holds nobody up."""


@dataclass(frozen=True)
class RunFolder:
    """A run's directory. Nothing in it is changed before `begin`."""

    out: Path

    @property
    def checkpoints(self) -> Path:
        return self.out / CHECKPOINTS

    @property
    def finished(self) -> bool:
        return (self.out / FINISHED).is_file()

    @property
    def _bare(self) -> bool:
        """Whether there is nothing in it but what stands there before `begin`: the trainer makes its directory."""
        there = [path for path in self.out.iterdir() if path.name != LOCK]
        return not there or (there == [self.checkpoints] and not any(self.checkpoints.iterdir()))

    def check(self, recipe: Recipe, data: Conversations) -> None:
        """Raises PPAIError where the directory holds something else, or a run of another recipe or of other data.

        A run that has no checkpoint yet may be begun anew with another recipe: nothing of it is lost.
        """
        if self.out.exists() and not self.out.is_dir():
            raise PPAIError(f"--out: {self.out} is a file")
        if not self.out.exists() or self._bare:
            return
        try:
            begun = json.loads((self.out / RUN).read_text("utf-8"))
        except (OSError, ValueError):
            raise PPAIError(f"--out: {self.out} is not empty, and holds no training run: name another") from None
        if self.last_checkpoint() is None and not self.finished:
            return
        now = _identity(recipe, data)
        differ = sorted(_differences(begun.get("recipe", {}), now["recipe"]))
        if begun.get("data") != now["data"]:
            differ.append("the data")
        if differ:
            raise PPAIError(f"--out: {self.out} holds a run that differs in {', '.join(differ)}: name another")

    def check_free(self) -> None:
        """Raises PPAIError where a run is writing into the directory now."""
        if (self.out / LOCK).exists():
            with (self.out / LOCK).open("rb") as file:
                self._lock(file)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other runs out of the directory. Raises PPAIError where one is in it, or it cannot be written."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            file = (self.out / LOCK).open("ab")
        except OSError as error:
            raise PPAIError(f"--out: {self.out} cannot be written: {error.strerror}") from error
        with file:
            self._lock(file)
            yield

    def _lock(self, file: Any) -> None:
        """Holds the file until it is closed, where the system can."""
        try:
            lock(file)
        except BlockingIOError:
            raise PPAIError(f"--out: another run is writing into {self.out}: wait for it, or name another") from None
        except OSError:  # a file system that knows no locks
            return

    def begin(self, recipe: Recipe, data: Conversations) -> None:
        """Notes what the run is begun with, so that a later call can go on; clears what a killed one left torn.

        Call it in `held`. Raises PPAIError as `check` does: another run may have come and gone since.
        """
        self.check(recipe, data)
        if self.last_checkpoint() is None:
            text = json.dumps(_identity(recipe, data), indent=2, ensure_ascii=False) + "\n"
            write_whole(self.out, {RUN: text})
        for torn in (self.out / PARTIAL, self.checkpoints / PARTIAL):
            shutil.rmtree(torn, ignore_errors=True)

    def last_checkpoint(self) -> Path | None:
        """The newest; each is whole, as it was moved into place when it was."""
        found = {
            int(path.name.removeprefix("checkpoint-")): path
            for path in self.checkpoints.glob("checkpoint-*")
            if path.name.removeprefix("checkpoint-").isdigit()
        }
        return found[max(found)] if found else None

    def put(self, texts: Mapping[str, str], saved: Path) -> None:
        """Moves the files of `saved` into the directory and writes `texts` beside them, the finishing one last."""
        for file in sorted(saved.iterdir()):
            file.replace(self.out / file.name)
        shutil.rmtree(saved, ignore_errors=True)
        last = {name: text for name, text in texts.items() if name == FINISHED}
        write_whole(self.out, {name: text for name, text in texts.items() if name not in last})
        write_whole(self.out, last)


def _identity(recipe: Recipe, data: Conversations) -> dict[str, Any]:
    sections = {key: value for key, value in recipe.as_dict().items() if key != "data"}
    return {
        "recipe": json.loads(json.dumps(sections)),
        "data": {"digest": data.digest, "train": len(data.train), "validation": len(data.validation)},
    }


def _differences(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted keys whose values are not the same."""
    for key in {*one, *other}:
        a, b = one.get(key), other.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            yield f"{prefix}{key}"
