"""Checks a study's records against each other; every fault becomes a problem, and none stops the search."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable

from ppai.schema import LIVE_SPLIT, Assignment, Prompt, Record, Response, Scores, Verdict, Vote
from ppai.studyfiles.config import CONFIG_FILE, line_of
from ppai.studyfiles.draft import Draft, Located, PairLine, Row
from ppai.studyfiles.problems import Problem

MAX_RESPONSE_BYTES = 200_000
"""A longer response is refused."""

Key = tuple[Hashable, ...]

Comparison = Located[Vote] | Located[Verdict] | Located[Assignment] | Located[PairLine]


def check_draft(draft: Draft) -> None:
    """Appends to the draft's problems all that its records say against each other."""
    _check_prompts(draft)
    _check_responses(draft)
    _check_systems(draft)
    prompts, responses = draft.prompt_ids, draft.answered
    systems = set(draft.system_ids) | {row.text("system") for row in draft.broken_rows(Response)}
    groups: tuple[Iterable[Comparison], ...] = (
        draft.votes,
        draft.verdicts,
        draft.assignments,
        draft.pair_lines or (),
    )
    for row in (row for group in groups for row in group):
        _check_comparison(draft, row, prompts, systems, responses)
    _check_votes(draft)
    _check_duplicates(draft)


def _check_prompts(draft: Draft) -> None:
    if not draft.prompts and not draft.problems:
        draft.problems.append(Problem("prompts", 0, "", "the study has no prompt"))
    for row in draft.prompts:
        if row.record.split == LIVE_SPLIT and not row.record.id.startswith("live-"):
            told = "'live' is for visitors' own questions, whose ids begin with live-: give the split another name"
            draft.problems.append(row.problem("split", told))


def _check_responses(draft: Draft) -> None:
    prompts = draft.prompt_ids
    for row in draft.responses:
        response = row.record
        if response.prompt_id not in prompts:
            draft.problems.append(row.problem("prompt_id", f"no prompt has the id {response.prompt_id!r}"))
        if draft.listed and response.system not in draft.listed:
            message = f"{response.system!r} is not one of the systems in {CONFIG_FILE}"
            draft.problems.append(row.problem("system", message))
        size = len(response.text.encode())
        if size > MAX_RESPONSE_BYTES:
            message = f"is {size:,} bytes long; at most {MAX_RESPONSE_BYTES:,} are allowed"
            draft.problems.append(row.problem("text", message))


def _check_systems(draft: Draft) -> None:
    """What cannot be said of study.yaml alone, where it leaves the systems to the responses."""
    if draft.config is None or "systems" in draft.faulty or not draft.responses:
        return
    reference, systems = draft.config.reference, draft.system_ids
    if reference is not None and reference not in systems:
        line = line_of(draft.config_lines, ("reference",))
        message = f"{reference!r} is not one of the systems"
        draft.problems.append(Problem(CONFIG_FILE, line, "reference", message))
    if len(systems) < 2 and not draft.problems:
        where, line = draft.responses[0].file, 0
        draft.problems.append(Problem(where, line, "system", "only one system: nothing to compare it with"))


def _check_comparison(
    draft: Draft,
    row: Comparison,
    prompts: set[str | None],
    systems: set[str | None],
    responses: set[tuple[str | None, str | None]],
) -> None:
    record = row.record
    if record.prompt_id not in prompts:
        draft.problems.append(row.problem("prompt_id", f"no prompt has the id {record.prompt_id!r}"))
    for field, system in (("system_a", record.system_a), ("system_b", record.system_b)):
        if system not in systems:
            draft.problems.append(row.problem(field, f"{system!r} is not one of the systems"))
        elif record.prompt_id in prompts and (record.prompt_id, system) not in responses:
            message = f"{system!r} has no response to prompt {record.prompt_id!r}"
            draft.problems.append(row.problem(field, message))
    if record.system_a == record.system_b and not isinstance(record, Vote | Verdict):
        draft.problems.append(row.problem("system_b", "a system against itself"))
    asked = draft.config is not None and "criteria" not in draft.faulty
    if draft.config is not None and asked and isinstance(record, Vote | Verdict):
        for key in record.outcomes.keys() - {criterion.key for criterion in draft.config.criteria}:
            draft.problems.append(row.problem(f"outcomes.{key}", "is not one of the study's criteria"))


def _check_votes(draft: Draft) -> None:
    for row in draft.votes:
        if row.record.seconds is not None and not math.isfinite(row.record.seconds):
            draft.problems.append(row.problem("seconds", "must be a finite number"))


def _check_duplicates(draft: Draft) -> None:
    """What stands twice, of lines too that are wrong in another field."""

    def check(rows: Iterable[Row], model: type[Record], field: str, what: str, key: Callable[[Row], Key]) -> None:
        _once(draft, _in_files([*rows, *draft.broken_rows(model)]), field, what, key)

    check(draft.prompts, Prompt, "id", "prompt {!r}", _key("id"))
    what = "the response of {1!r} to prompt {0!r}"
    check(draft.responses, Response, "prompt_id", what, _key("prompt_id", "system"))
    check(draft.votes, Vote, "vote_id", "vote {!r}", _key("vote_id"))
    what = "a vote of this rater with this pair, arm, repeat and revision"
    check(draft.votes, Vote, "rater", what, _key("rater", "prompt_id", "arm", "repeat", "revision", pair=True))
    check(draft.assignments, Assignment, "assignment_id", "assignment {!r}", _key("assignment_id"))
    what = "a verdict of this judge with this pair, order, arm and sample"
    names = ("judge", "prompt_id", "system_a", "system_b", "arm", "sample")
    check(draft.verdicts, Verdict, "judge", what, _key(*names))
    check(draft.scores, Scores, "name", "scores {!r}", _key("name"))
    check(draft.pair_lines or (), PairLine, "prompt_id", "this pair", _key("prompt_id", pair=True))


def _in_files(rows: list[Row]) -> list[Row]:
    """Rows in the order of their lines, the files in that of their first row."""
    files = {name: place for place, name in enumerate(dict.fromkeys(row.file for row in rows))}
    return sorted(rows, key=lambda row: (files[row.file], row.line))


def _key(*names: str, pair: bool = False) -> Callable[[Row], Key]:
    """What a row is told by: some fields, and with `pair` its two systems in either order."""

    def of(row: Row) -> Key:
        fields = tuple(row.text(name) for name in names)
        if not pair:
            return fields
        systems = (row.text("system_a"), row.text("system_b"))
        return (*fields, None if None in systems else frozenset(systems))

    return of


def _once(draft: Draft, rows: Iterable[Row], field: str, what: str, key_of: Callable[[Row], Key]) -> None:
    """A problem for each row whose key another has had, naming the line where that stands."""
    first: dict[Key, Row] = {}
    for row in rows:
        key = key_of(row)
        if None in key:
            continue
        earlier = first.setdefault(key, row)
        if earlier is not row:
            where = f"line {earlier.line}" if earlier.file == row.file else f"line {earlier.line} of {earlier.file}"
            draft.problems.append(row.problem(field, f"{what.format(*key)} stands already on {where}"))
