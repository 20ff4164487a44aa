"""Reads the published layout: one file of prompts, one of responses a system, one table of verdicts a judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ppai.schema import Outcome, Prompt, Response, StudyConfig, Verdict
from ppai.studyfiles.draft import Broken, Draft, Located, located_records
from ppai.studyfiles.general import VERDICTS, read_additions
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem, problems_of, quoted
from ppai.studyfiles.published_names import (
    REFERENCE,
    RESPONSE_SUFFIX,
    judge_files,
    judge_of,
    prompt_files,
    response_files,
    system_of,
)
from ppai.studyfiles.tables import Table, read_table

__all__ = ["prompt_files", "read_published"]

WINNER = "winner_"
WINNERS = {"System A": Outcome.A, "System B": Outcome.B, "Tie": Outcome.TIE}
BLANKS = frozenset(("", "nan", "na", "n/a", "none", "null", "<na>"))
"""What pandas writes or reads for a missing value, in lower case."""


def read_published(draft: Draft) -> None:
    """Fills the draft from its directory, whose study.yaml has been read."""
    files = prompt_files(draft.directory)
    for other in files[1:]:
        message = f"a second file of prompts beside {files[0].name}; a study has one"
        draft.problems.append(Problem(other.name, 0, "", message))
    draft.prompts = located_records(draft, files[0].name, Prompt)
    _read_responses(draft, files[0])
    if draft.config is not None:
        draft.config = _with_reference(draft)
        if "criteria" not in draft.faulty:
            _read_judges(draft, draft.config)
    read_additions(draft)
    draft.verdicts = _once(draft.verdicts)


def _once(rows: list[Located[Verdict]]) -> list[Located[Verdict]]:
    """Without the tables of judges of which verdicts.jsonl speaks: they render the same, merged over both orders."""
    told = {_run(row.record) for row in rows if row.file == VERDICTS}
    return [row for row in rows if row.file == VERDICTS or _run(row.record) not in told]


def _run(verdict: Verdict) -> tuple[str, str, int]:
    return verdict.judge, verdict.arm, verdict.sample


def _read_responses(draft: Draft, prompts: Path) -> None:
    files = response_files(prompts)
    parts = [part for part, _ in files]
    found = [(system_of(part, draft.listed, parts), path) for part, path in files]
    stem = prompts.name.removesuffix(".jsonl")
    for system in draft.listed or ([] if found else [REFERENCE]):
        if system not in (name for name, _ in found):
            name = f"{stem}_{system}{RESPONSE_SUFFIX}"
            draft.problems.append(Problem(name, 0, "", f"the file of {system!r} is missing"))
    known = {row.record.id: row.record for row in draft.prompts}
    for system, path in found:
        for line, values in read_objects(path, draft.problems):
            try:
                response = _response(system, values, known)
            except ValidationError as error:
                draft.problems.extend(_renamed(error, path.name, line))
                own = {"prompt_id": values.get("id"), "system": system}
                draft.broken.append(Broken(path.name, line, Response, own))
            else:
                draft.responses.append(Located(path.name, line, response))


def _response(system: str, values: dict[str, Any], prompts: dict[str, Prompt]) -> Response:
    """The response of a line, keeping what the line adds to its prompt's own columns."""
    prompt = prompts.get(str(values.get("id")))
    shared = {*Prompt.model_fields, *(prompt.extra if prompt else ()), "prompt_id", "system"}
    added = {key: value for key, value in values.items() if key not in shared and key != "ai_answer"}
    if prompt and added.get("user_prompt") == prompt.text:
        del added["user_prompt"]
    own = {"prompt_id": values.get("id"), "system": system, "text": values.get("ai_answer")}
    absent = {"prompt_id"} if "id" not in values else set()
    absent |= {"text"} if "ai_answer" not in values else set()
    return Response.model_validate(added | {key: value for key, value in own.items() if key not in absent})


def _renamed(error: ValidationError, file: str, line: int) -> Iterator[Problem]:
    """Problems of a response under the names that its file uses."""
    names = {"prompt_id": "id", "text": "ai_answer"}
    for problem in problems_of(error, file, line):
        yield Problem(file, line, names.get(problem.field, problem.field), problem.message)


def _with_reference(draft: Draft) -> StudyConfig:
    """The configuration, with `base` as reference where another system stands first and none is named."""
    config, systems = draft.config or StudyConfig(), draft.system_ids
    if config.reference is None and REFERENCE in systems and systems[0] != REFERENCE:
        return config.model_copy(update={"reference": REFERENCE})
    return config


def _read_judges(draft: Draft, config: StudyConfig) -> None:
    files, systems = judge_files(draft.directory), draft.system_ids
    if len(systems) != 2:
        for path in files if systems else ():
            message = f"compares two systems, System A and System B, and the study has {len(systems)}"
            draft.problems.append(Problem(path.name, 0, "", message))
        return
    reference = config.reference or systems[0]
    other = next(system for system in systems if system != reference)
    for path in files:
        table = read_table(path, draft.problems)
        if table is not None:
            _read_verdicts(draft, config, table, (reference, other))


def _read_verdicts(draft: Draft, config: StudyConfig, table: Table, sides: tuple[str, str]) -> None:
    of = judge_of(Path(table.file))
    columns = [f"{WINNER}{key}" for key in config.keys]
    missing = [name for name in ("id", *columns) if name not in table.columns]
    unknown = [name for name in table.columns if name.startswith(WINNER) and name not in columns]
    faults = [(name, "the column is missing") for name in missing]
    faults += [(name, "is not one of the study's criteria") for name in unknown]
    draft.problems.extend(Problem(table.file, 1, *fault) for fault in faults)
    for line, cells in table.rows:
        winners = {key: cells.get(f"{WINNER}{key}", "").strip() for key in config.keys}
        answered = {key: cell for key, cell in winners.items() if cell.lower() not in BLANKS}
        bad = {key: cell for key, cell in answered.items() if cell not in WINNERS}
        for key, cell in bad.items():
            message = f"must be System A, System B or Tie, not {quoted(cell)}"
            draft.problems.append(Problem(table.file, line, f"{WINNER}{key}", message))
        if "id" in missing:
            continue
        values = {
            "judge": of.judge,
            "arm": of.arm,
            "sample": of.sample,
            "prompt_id": cells["id"].strip(),
            "system_a": sides[0],
            "system_b": sides[1],
            "outcomes": {key: WINNERS[cell] for key, cell in answered.items() if key not in bad},
            "justification": cells.get("justification") or None,
            "named": of.named,
            "unscored": None if answered else "no winner in the published file",
        }
        if bad:
            draft.broken.append(Broken(table.file, line, Verdict, values))
            continue
        try:
            draft.verdicts.append(Located(table.file, line, Verdict.model_validate(values)))
        except ValidationError as error:
            for problem in problems_of(error, table.file, line):
                field = "id" if problem.field == "prompt_id" else problem.field
                draft.problems.append(Problem(table.file, line, field, problem.message))
