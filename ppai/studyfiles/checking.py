"""Checks a study's records against each other; every fault becomes a problem, and none stops the search."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

from ppai.schema import Assignment, Verdict, Vote
from ppai.studyfiles.config import CONFIG_FILE, line_of
from ppai.studyfiles.draft import Draft, Located, PairLine
from ppai.studyfiles.problems import Problem

MAX_RESPONSE_BYTES = 200_000
"""A longer response is refused."""

Places = dict[Hashable, tuple[str, int]]
"""Where each key stood first: file and line."""

Comparison = Located[Vote] | Located[Verdict] | Located[Assignment] | Located[PairLine]


def check_draft(draft: Draft) -> None:
    """Appends to the draft's problems all that its records say against each other."""
    _check_prompts(draft)
    _check_responses(draft)
    _check_systems(draft)
    responses = draft.broken_responses | {(row.record.prompt_id, row.record.system) for row in draft.responses}
    prompts = draft.broken_prompts | {row.record.id for row in draft.prompts}
    systems = set(draft.system_ids) | {system for _, system in draft.broken_responses}
    groups: tuple[Iterable[Comparison], ...] = (
        draft.votes,
        draft.verdicts,
        draft.assignments,
        draft.pair_lines or (),
    )
    for row in (row for group in groups for row in group):
        _check_comparison(draft, row, prompts, systems, responses)
    _check_votes(draft)
    _check_verdicts(draft)
    _check_pairs(draft)


def _check_prompts(draft: Draft) -> None:
    first: Places = {}
    for row in draft.prompts:
        _once(draft, first, row.record.id, row, "id", f"prompt {row.record.id!r}")
    if not draft.prompts and not draft.problems:
        draft.problems.append(Problem("prompts", 0, "", "the study has no prompt"))


def _check_responses(draft: Draft) -> None:
    prompts = draft.broken_prompts | {row.record.id for row in draft.prompts}
    first: Places = {}
    for row in draft.responses:
        response = row.record
        if response.prompt_id not in prompts:
            draft.problems.append(row.problem("prompt_id", f"no prompt has the id {response.prompt_id!r}"))
        if draft.listed and response.system not in draft.listed:
            message = f"{response.system!r} is not one of the systems in {CONFIG_FILE}"
            draft.problems.append(row.problem("system", message))
        what = f"the response of {response.system!r} to prompt {response.prompt_id!r}"
        _once(draft, first, (response.prompt_id, response.system), row, "prompt_id", what)
        size = len(response.text.encode())
        if size > MAX_RESPONSE_BYTES:
            message = f"is {size:,} bytes long; at most {MAX_RESPONSE_BYTES:,} are allowed"
            draft.problems.append(row.problem("text", message))


def _check_systems(draft: Draft) -> None:
    """What cannot be said of study.yaml alone, where it leaves the systems to the responses."""
    if draft.config is None or not draft.responses:
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
    prompts: set[str],
    systems: set[str],
    responses: set[tuple[str, str]],
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
    if draft.config is not None and isinstance(record, Vote | Verdict):
        for key in record.outcomes.keys() - {criterion.key for criterion in draft.config.criteria}:
            draft.problems.append(row.problem(f"outcomes.{key}", "is not one of the study's criteria"))


def _check_votes(draft: Draft) -> None:
    by_id: Places = {}
    by_pair: Places = {}
    for row in draft.votes:
        vote = row.record
        new = _once(draft, by_id, vote.vote_id, row, "vote_id", f"vote {vote.vote_id!r}")
        pair = frozenset((vote.system_a, vote.system_b))
        key = (vote.rater, vote.prompt_id, pair, vote.arm, vote.repeat, vote.revision)
        if new:
            what = "a vote of this rater with this pair, arm, repeat and revision"
            _once(draft, by_pair, key, row, "rater", what)
        if vote.seconds is not None and not math.isfinite(vote.seconds):
            draft.problems.append(row.problem("seconds", "must be a finite number"))
    by_assignment: Places = {}
    for given in draft.assignments:
        name = given.record.assignment_id
        _once(draft, by_assignment, name, given, "assignment_id", f"assignment {name!r}")


def _check_verdicts(draft: Draft) -> None:
    first: Places = {}
    for row in draft.verdicts:
        v = row.record
        key = (v.judge, v.prompt_id, v.system_a, v.system_b, v.arm, v.sample)
        what = "a verdict of this judge with this pair, order, arm and sample"
        _once(draft, first, key, row, "judge", what)


def _check_pairs(draft: Draft) -> None:
    first: Places = {}
    for row in draft.pair_lines or ():
        pair = frozenset((row.record.system_a, row.record.system_b))
        _once(draft, first, (row.record.prompt_id, pair), row, "prompt_id", "this pair")


def _once(
    draft: Draft,
    first: Places,
    key: Hashable,
    row: Comparison | Located,
    field: str,
    what: str,
) -> bool:
    """Whether the key is new; where it is not, a problem that names the line it first stood on."""
    file, line = first.setdefault(key, (row.file, row.line))
    if (file, line) == (row.file, row.line):
        return True
    where = f"line {line}" if file == row.file else f"line {line} of {file}"
    draft.problems.append(row.problem(field, f"{what} stands already on {where}"))
    return False
