"""A study as its files hold it, before anything was checked across them: records with the lines they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from ppai.schema import (
    Assignment,
    Identifier,
    Prompt,
    Record,
    Response,
    Scores,
    StudyConfig,
    System,
    Verdict,
    Vote,
)
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem, problems_of

R = TypeVar("R", bound=Record)


class PairLine(Record):
    """A line of the file that `pairs` names; which system stands first says nothing."""

    prompt_id: Identifier
    system_a: Identifier
    system_b: Identifier


@dataclass(frozen=True)
class Located(Generic[R]):
    """A record and where it stands."""

    file: str
    line: int
    record: R

    def problem(self, field_name: str, message: str) -> Problem:
        return Problem(self.file, self.line, field_name, message)

    def text(self, name: str) -> str | None:
        """A field that ids and keys are made of."""
        return str(getattr(self.record, name))


@dataclass(frozen=True)
class Broken:
    """An object that is no such record: it has its problems, and still says what it is about."""

    file: str
    line: int
    model: type[Record]
    values: Mapping[str, Any]

    def problem(self, field_name: str, message: str) -> Problem:
        return Problem(self.file, self.line, field_name, message)

    def text(self, name: str) -> str | None:
        """A field that ids and keys are made of, or its default; None where it could not be one."""
        value = self.values.get(name, self.model.model_fields[name].default)
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


Row = Located[Any] | Broken


@dataclass
class Draft:
    """Everything that was read from a directory, and everything found wrong so far."""

    directory: Path
    config: StudyConfig | None = None
    """None where study.yaml cannot be read: what depends on it is not checked."""
    faulty: frozenset[str] = frozenset()
    """Keys of study.yaml that are wrong: what depends on them is not checked either."""
    config_lines: Mapping[tuple[Any, ...], int] = field(default_factory=dict)
    prompts: list[Located[Prompt]] = field(default_factory=list)
    responses: list[Located[Response]] = field(default_factory=list)
    votes: list[Located[Vote]] = field(default_factory=list)
    verdicts: list[Located[Verdict]] = field(default_factory=list)
    assignments: list[Located[Assignment]] = field(default_factory=list)
    scores: list[Located[Scores]] = field(default_factory=list)
    pair_lines: list[Located[PairLine]] | None = None
    broken: list[Broken] = field(default_factory=list)
    """Lines that are wrong in some field: known, so that nothing else complains that they are missing."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def listed(self) -> tuple[str, ...]:
        """Systems that study.yaml lists; empty where it lists none."""
        return self.config.system_ids if self.config else ()

    def broken_rows(self, model: type[Record]) -> list[Broken]:
        return [row for row in self.broken if row.model is model]

    @property
    def prompt_ids(self) -> set[str | None]:
        """Ids of all prompts, broken ones too."""
        rows: list[Row] = [*self.prompts, *self.broken_rows(Prompt)]
        return {row.text("id") for row in rows}

    @property
    def answered(self) -> set[tuple[str | None, str | None]]:
        """Prompt and system of all responses, broken ones too."""
        rows: list[Row] = [*self.responses, *self.broken_rows(Response)]
        return {(row.text("prompt_id"), row.text("system")) for row in rows}

    @property
    def system_ids(self) -> tuple[str, ...]:
        """Listed systems, else those of the responses in order of first appearance."""
        return self.listed or tuple(dict.fromkeys(row.record.system for row in self.responses))

    def complete_config(self) -> StudyConfig:
        """The configuration with the name and the systems that the files imply."""
        config = self.config or StudyConfig()
        return config.model_copy(
            update={
                "name": config.name or self.directory.resolve().name or "study",
                "systems": config.systems or tuple(System(id=name) for name in self.system_ids),
            }
        )


def located_records(draft: Draft, file: str, model: type[R]) -> list[Located[R]]:
    """The records of a JSON Lines file; objects that are not such a record become problems and `draft.broken`."""
    records: list[Located[R]] = []
    for line, values in read_objects(draft.directory / file, draft.problems):
        try:
            records.append(Located(file, line, model.model_validate(values)))
        except ValidationError as error:
            draft.problems.extend(problems_of(error, file, line))
            draft.broken.append(Broken(file, line, model, values))
    return records
