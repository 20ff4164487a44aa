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


@dataclass
class Draft:
    """Everything that was read from a directory, and everything found wrong so far."""

    directory: Path
    config: StudyConfig | None = None
    """None where study.yaml is wrong: what depends on it is not checked."""
    config_lines: Mapping[tuple[Any, ...], int] = field(default_factory=dict)
    prompts: list[Located[Prompt]] = field(default_factory=list)
    responses: list[Located[Response]] = field(default_factory=list)
    votes: list[Located[Vote]] = field(default_factory=list)
    verdicts: list[Located[Verdict]] = field(default_factory=list)
    assignments: list[Located[Assignment]] = field(default_factory=list)
    pair_lines: list[Located[PairLine]] | None = None
    broken_prompts: set[str] = field(default_factory=set)
    """Ids of prompts whose lines are wrong in another field: known, so that nothing else complains of them."""
    broken_responses: set[tuple[str, str]] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    @property
    def listed(self) -> tuple[str, ...]:
        """Systems that study.yaml lists; empty where it lists none."""
        return self.config.system_ids if self.config else ()

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


def located_records(
    path: Path, model: type[R], problems: list[Problem]
) -> tuple[list[Located[R]], list[dict[str, Any]]]:
    """The records of a JSON Lines file, and the objects that are not such a record (each has its problems)."""
    records: list[Located[R]] = []
    broken: list[dict[str, Any]] = []
    for line, values in read_objects(path, problems):
        try:
            records.append(Located(path.name, line, model.model_validate(values)))
        except ValidationError as error:
            problems.extend(problems_of(error, path.name, line))
            broken.append(values)
    return records, broken
