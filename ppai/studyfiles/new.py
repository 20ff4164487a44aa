"""Makes a study from a table that somebody already has: a column of prompts and one of responses a system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ppai.errors import PPAIError, StudyError
from ppai.schema import Prompt, Response, Study, StudyConfig, System
from ppai.studyfiles.checking import check_draft
from ppai.studyfiles.draft import Draft, Located
from ppai.studyfiles.lines import storable
from ppai.studyfiles.pairs import study_pairs
from ppai.studyfiles.problems import Problem, problems_of
from ppai.studyfiles.tables import read_table
from ppai.studyfiles.writing import write_general

PROMPT_COLUMNS = ("prompt", "text", "question")
"""Columns taken for the prompt where none is named, in this order; else the first column."""
KEPT_COLUMNS = ("id", "topic", "title", "body", "split")
"""Columns that describe a prompt, and are no system."""


@dataclass(frozen=True)
class NewStudy:
    """A study that was made, and how its table was read."""

    study: Study
    directory: Path
    prompt_column: str
    ignored: tuple[str, ...]
    """Columns that were not used."""

    @property
    def missing(self) -> dict[str, int]:
        """Prompts without a response, by system: their cells were empty."""
        answered = Counter(response.system for response in self.study.responses)
        return {system: len(self.study.prompts) - answered[system] for system in self.study.config.system_ids}

    def lines(self) -> tuple[str, ...]:
        """What was made, one sentence a line."""
        study, missing = self.study, self.missing
        names = ", ".join(study.config.system_ids)
        return (
            f"{self.directory}: {len(study.prompts)} prompts from the column {self.prompt_column!r}, "
            f"{len(study.config.system_ids)} systems ({names}), {len(study.pairs)} pairs",
            *(
                f"{system} has no response to {count} prompts, whose cells are empty"
                for system, count in missing.items()
                if count
            ),
            *([f"columns not used: {', '.join(self.ignored)}"] if self.ignored else []),
        )


def new_from_csv(
    csv_file: Path,
    out_dir: Path,
    prompt_column: str | None = None,
    system_columns: Sequence[str] | None = None,
    name: str | None = None,
) -> NewStudy:
    """Makes a study from a spreadsheet's CSV or TSV file: UTF-8, separated by comma, semicolon, tab or bar.

    Every column that is neither the prompt nor one of `KEPT_COLUMNS` is a system unless `system_columns` says
    which are. A system with an empty cell misses that prompt.

    Raises:
        StudyError: with every problem of the file.
        PPAIError: if `out_dir` is not empty, or cannot be written.
    """
    csv_file, problems = Path(csv_file), list[Problem]()
    delimiter = "\t" if csv_file.suffix.lower() in (".tsv", ".tab") else None
    table = read_table(csv_file, problems, delimiter)
    if table is None:
        raise StudyError(problems)
    return new_from_rows(
        table.rows,
        out_dir,
        columns=table.columns,
        source=csv_file.name,
        name=name or csv_file.stem,
        prompt_column=prompt_column,
        system_columns=system_columns,
    )


def new_from_rows(
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    out_dir: Path,
    *,
    columns: Sequence[str],
    source: str,
    name: str,
    prompt_column: str | None = None,
    system_columns: Sequence[str] | None = None,
) -> NewStudy:
    """Makes a study from rows, each with its line in `source`; see `new_from_csv` for the columns.

    Where no systems are named, a column that holds anything but text is not taken for one.
    """
    rows, out_dir = list(rows), Path(out_dir)
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise PPAIError(f"{out_dir}: is there already, and not an empty directory")
    kept = {key: column for key in KEPT_COLUMNS for column in columns if column.lower() == key}
    prompt = prompt_column or _guessed_prompt(columns, kept)
    kept = {key: column for key, column in kept.items() if column not in (prompt, *(system_columns or ()))}
    systems = list(system_columns or _guessed_systems(rows, columns, {prompt, *kept.values()}))
    _require_columns(source, columns, prompt, systems)
    draft = Draft(out_dir, StudyConfig(name=name, systems=tuple(System(id=key) for key in systems)))
    for number, (line, cells) in enumerate(rows, start=1):
        values = {key: _text(cells.get(column)) or None for key, column in kept.items()}
        values |= {"text": _text(cells.get(prompt)), "id": values.get("id", str(number))}
        _add_row(draft, source, line, values, {key: _text(cells.get(key)) for key in systems})
    study = _checked_study(draft, source)
    write_general(study, out_dir)
    used = {prompt, *systems, *kept.values()}
    return NewStudy(study, out_dir, prompt, tuple(key for key in columns if key and key not in used))


def _guessed_prompt(columns: Sequence[str], kept: Mapping[str, str]) -> str:
    by_name = {column.lower(): column for column in reversed(columns)}
    usual = [by_name[key] for key in PROMPT_COLUMNS if key in by_name]
    others = [column for column in columns if column and column not in kept.values()]
    return (usual or others or [""])[0]


def _guessed_systems(
    rows: Sequence[tuple[int, Mapping[str, Any]]], columns: Sequence[str], taken: set[str]
) -> list[str]:
    return [
        column
        for column in columns
        if column
        and column not in taken
        and not column.startswith("Unnamed: ")
        and all(isinstance(cells.get(column), str | None) for _, cells in rows)
    ]


def _require_columns(source: str, columns: Sequence[str], prompt: str, systems: Sequence[str]) -> None:
    faults = [
        (column, f"there is no such column; there are {', '.join(columns)}")
        for column in dict.fromkeys((prompt, *systems))
        if column not in columns
    ]
    if prompt in systems:
        faults.append((prompt, "is the prompt column, and cannot be a system too"))
    if len(set(systems)) != len(systems):
        faults.append(("systems", "a column is named twice"))
    if len(systems) < 2:
        faults.append(("systems", f"two columns of responses are needed, and there is {systems or 'none'}"))
    faults += [(column, "a column's name has at most 200 characters") for column in systems if len(column) > 200]
    if faults:
        raise StudyError([Problem(source, 1, *fault) for fault in faults])


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).replace("\r\n", "\n").strip()


def _add_row(draft: Draft, source: str, line: int, values: Mapping[str, Any], responses: Mapping[str, str]) -> None:
    if not values["text"]:
        draft.problems.append(Problem(source, line, "text", "the prompt is empty"))
    if not all(storable(text) for text in (*responses.values(), *values.values()) if text):
        draft.problems.append(Problem(source, line, "", "holds a character that cannot be stored"))
    try:
        prompt = Prompt.model_validate(values)
    except ValidationError as error:
        draft.problems.extend(problems_of(error, source, line))
        return
    draft.prompts.append(Located(source, line, prompt))
    draft.responses.extend(
        Located(source, line, Response(prompt_id=prompt.id, system=system, text=text))
        for system, text in responses.items()
        if text
    )


def _checked_study(draft: Draft, source: str) -> Study:
    """The study of a draft. Raises StudyError with everything that is wrong."""
    check_draft(draft)
    config = draft.complete_config()
    prompts = tuple(row.record for row in draft.prompts)
    responses = tuple(row.record for row in draft.responses)
    pairs = study_pairs(config, prompts, responses)
    if not pairs and not draft.problems:
        draft.problems.append(Problem(source, 0, "", "no two systems answered the same prompt"))
    if draft.problems:
        problems: list[Problem] = sorted(draft.problems, key=lambda problem: problem.line)
        raise StudyError(problems)
    return Study(config=config, prompts=prompts, responses=responses, pairs=pairs)
