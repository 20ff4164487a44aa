"""The files of a study that responses are written for, in either layout: its prompts, and each system's responses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from eval.generating.locks import only_writer
from ppai.errors import PPAIError, StudyError
from ppai.schema import Prompt, StudyConfig
from ppai.studyfiles.config import read_config
from ppai.studyfiles.general import PROMPTS, RESPONSES
from ppai.studyfiles.lines import read_objects, read_objects_as_they_stand
from ppai.studyfiles.problems import Problem, problems_of, quoted
from ppai.studyfiles.published_names import (
    RESPONSE_SUFFIX,
    SHORT_NAMES,
    prompt_files,
    response_file,
    response_files,
    system_of,
)
from ppai.studyfiles.whole_files import write_whole

Row = Mapping[str, Any]
"""A response without its prompt: `text`, `raw_text`, `ended`, `sampling`, `post`."""
NOT_OWN = ("text", "user_prompt", "ai_answer", "id", "prompt_id", "system")
"""Keys of a line that are no response's own."""


@dataclass(frozen=True)
class StudyFiles:
    """A study's directory, of which the prompts have been read."""

    directory: Path
    config: StudyConfig
    prompts: tuple[Prompt, ...]
    rows: Mapping[str, Row]
    """The prompts' lines as they stand in the file, by id."""
    published: Path | None
    """The file of prompts in the published layout; None in the general one."""

    def target(self, system: str) -> Path:
        """The file that holds the system's responses."""
        return self.directory / (RESPONSES if self.published is None else self._response_file(system))

    def partial(self, system: str) -> Path:
        """Where finished responses are kept until all are."""
        if self.published is None:
            return self.directory / f"responses_{quote(system, safe=' ')}.partial"
        return self.target(system).with_suffix(".partial")

    def systems(self, more: Sequence[str] = ()) -> list[str]:
        """Those that study.yaml lists, else those that have responses; and `more`."""
        if self.config.systems:
            found = list(self.config.system_ids)
        elif self.published is None:
            found = [str(row.get("system")) for _, row in self._lines(self.directory / RESPONSES)]
        else:
            parts = [part for part, _ in response_files(self.published)]
            found = [system_of(part, more, parts) for part in parts]
        return list(dict.fromkeys([*found, *more]))

    def responses(self, system: str) -> dict[str, Row]:
        """The system's responses that stand there, by prompt, each with the `id` or `prompt_id` of its line.

        Raises StudyError where the file cannot be read.
        """
        return {key: row for key, (_, row) in self._standing(system).items()}

    def write(self, system: str, rows: Mapping[str, Row]) -> tuple[Path, int]:
        """Writes the responses that were made, beside those that stand there already, in the prompts' order.

        Those of `rows` that were read from the file, and others for further prompts, stay as they stand there by now.
        Which prompts there are is read again: some may have come, or gone, while the responses were made.
        Returns the file, and how many responses were left out since their prompts are gone.
        Raises PPAIError; the file appears whole or not at all. Waits while another run writes the study.
        """
        with only_writer(self.directory):
            target, standing, prompts = self.target(system), self._standing(system), self._prompts_by_now()
            made = {key: row for key, row in rows.items() if key not in standing or not _was_read(row)}
            found = {key: line for key, (line, _) in standing.items()}
            found |= {key: self._line(system, key, row) for key, row in made.items()}
            gone = len(found.keys() - prompts)
            own = [found[key] for key in prompts if key in found]
            lines = own if self.published is not None else self._beside_others(system, own)
            write_whole(self.directory, {target.name: "".join(line + "\n" for line in lines)})
        return target, gone

    def _standing(self, system: str) -> dict[str, tuple[str, Row]]:
        """By prompt the lines of the system's responses, and what is the response's own in each."""
        lines = self._lines(self.target(system))
        if self.published is None:
            return {str(row.get("prompt_id")): (line, row) for line, row in lines if str(row.get("system")) == system}
        return {str(row.get("id")): (line, self._without_prompt(row)) for line, row in lines}

    def _without_prompt(self, row: Row) -> Row:
        """A line of the published layout without the columns of its prompt, of which one may be called `sampling`."""
        prompt = self.rows.get(str(row.get("id")), {})
        own = {key: value for key, value in row.items() if key not in prompt or prompt[key] != value}
        return own | {"id": row.get("id"), "text": row.get("ai_answer")}

    def _prompts_by_now(self) -> dict[str, Row]:
        problems: list[Problem] = []
        _, rows = _read_prompts(self.published or self.directory / PROMPTS, problems)
        if problems:
            raise StudyError(problems)
        return rows

    def _response_file(self, system: str) -> str:
        """The file that stands for this system already, else the one that the layout names."""
        assert self.published is not None
        found = response_files(self.published)
        parts = [part for part, _ in found]
        named = {system_of(part, self.config.system_ids, parts): path.name for part, path in found}
        stem = self.published.name.removesuffix(".jsonl")
        if system in SHORT_NAMES and SHORT_NAMES[system] not in self.config.system_ids:
            return named.get(system, f"{stem}_{system}{RESPONSE_SUFFIX}")
        return named.get(system) or response_file(stem, system)

    def _line(self, system: str, prompt_id: str, row: Row) -> str:
        """The line of a response, with its prompt as it was when it was answered."""
        prompt = self.rows[prompt_id]
        own = {key: value for key, value in row.items() if key not in NOT_OWN}
        if self.published is not None:
            values = {**prompt, "user_prompt": prompt["text"], "ai_answer": row["text"], **own}
        else:
            values = {"prompt_id": prompt["id"], "system": system, "text": row["text"], **own}
        return json.dumps(values, ensure_ascii=False, allow_nan=False)

    def _beside_others(self, system: str, made: Sequence[str]) -> list[str]:
        """The lines of responses.jsonl, those of the system at the place of its first, else at the end."""
        kept: list[str] = []
        place: int | None = None
        for line, row in self._lines(self.directory / RESPONSES):
            if str(row.get("system")) == system:
                place = len(kept) if place is None else place
            else:
                kept.append(line)
        place = len(kept) if place is None else place
        return [*kept[:place], *made, *kept[place:]]

    def _lines(self, path: Path) -> list[tuple[str, dict[str, Any]]]:
        """The lines as they stand, and what each holds."""
        if not path.exists():
            return []
        problems: list[Problem] = []
        found = [(line, row) for _, line, row in read_objects_as_they_stand(path, problems)]
        if problems:
            raise StudyError(problems)
        return found


def _was_read(row: Row) -> bool:
    """Whether the study's file held it, rather than that it was made: then it names its prompt."""
    return "id" in row or "prompt_id" in row


def open_files(directory: Path) -> StudyFiles:
    """Reads study.yaml and the prompts of a directory, which need not have responses yet.

    Raises StudyError with every problem of the two, and PPAIError where there is no such directory.
    """
    if re.match(r"[a-z0-9+]{2,}:/", str(directory)):
        raise PPAIError("responses are written into files: name a study's directory, not a store")
    if not directory.is_dir():
        raise PPAIError(f"{directory}: there is no such directory")
    problems: list[Problem] = []
    config = read_config(directory, problems).config
    found = prompt_files(directory)
    general = (directory / PROMPTS).exists() or (directory / RESPONSES).exists() or not found
    if not general and len(found) > 1:
        problems.append(Problem(found[1].name, 0, "", f"a second file of prompts beside {found[0].name}"))
    path = directory / PROMPTS if general else found[0]
    prompts, rows = _read_prompts(path, problems)
    if problems or config is None:
        raise StudyError(problems)
    return StudyFiles(directory, config, tuple(prompts), rows, None if general else path)


def _read_prompts(path: Path, problems: list[Problem]) -> tuple[list[Prompt], dict[str, Row]]:
    prompts: list[Prompt] = []
    rows: dict[str, Row] = {}
    for line, row in read_objects(path, problems):
        try:
            prompt = Prompt.model_validate(row)
        except ValidationError as error:
            problems += problems_of(error, path.name, line)
            continue
        if prompt.id in rows:
            problems.append(Problem(path.name, line, "id", f"{quoted(prompt.id)} stands twice"))
        prompts.append(prompt)
        rows[prompt.id] = row
    if not prompts and not problems:
        problems.append(Problem(path.name, 0, "", "holds no prompts"))
    return prompts, rows
