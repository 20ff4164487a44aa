"""Reads the general layout: prompts.jsonl and responses.jsonl, and the optional files beside them."""

from __future__ import annotations

from pathlib import Path

from ppai.errors import StudyError
from ppai.schema import Assignment, Prompt, Response, Scores, Verdict, Vote
from ppai.studyfiles.config import CONFIG_FILE, line_of
from ppai.studyfiles.draft import Draft, PairLine, located_records
from ppai.studyfiles.problems import Problem

PROMPTS, RESPONSES = "prompts.jsonl", "responses.jsonl"
VOTES, VERDICTS, ASSIGNMENTS, SCORES = "votes.jsonl", "verdicts.jsonl", "assignments.jsonl", "scores.jsonl"
RESERVED = (PROMPTS, RESPONSES, VOTES, VERDICTS, ASSIGNMENTS, SCORES, CONFIG_FILE)

PAIR_RULES = ("all", "reference")


def read_general(draft: Draft) -> None:
    """Fills the draft from its directory, whose study.yaml has been read."""
    draft.prompts = located_records(draft, PROMPTS, Prompt)
    draft.responses = located_records(draft, RESPONSES, Response)
    read_additions(draft)


def read_additions(draft: Draft) -> None:
    """The files that either layout may have: votes, verdicts, assignments, scores and a list of pairs."""
    directory = draft.directory
    if (directory / VOTES).exists():
        draft.votes = located_records(draft, VOTES, Vote)
    if (directory / VERDICTS).exists():
        draft.verdicts.extend(located_records(draft, VERDICTS, Verdict))
    if (directory / ASSIGNMENTS).exists():
        draft.assignments = located_records(draft, ASSIGNMENTS, Assignment)
    if (directory / SCORES).exists():
        draft.scores = located_records(draft, SCORES, Scores)
    rule = draft.config.pairs if draft.config else "all"
    if rule in PAIR_RULES:
        return
    fault = pair_file_fault(rule)
    if fault:
        line = line_of(draft.config_lines, ("pairs",))
        draft.problems.append(Problem(CONFIG_FILE, line, "pairs", fault))
    else:
        draft.pair_lines = located_records(draft, rule, PairLine)


def pair_file_fault(name: str) -> str | None:
    """Why a name cannot be that of the file of pairs: it must be a plain one in the study's own directory."""
    if not name or name.startswith(".") or any(char in '/\\:*?"<>|' or not char.isprintable() for char in name):
        return f"must be all, reference or the name of a file beside study.yaml, not {name!r}"
    if len(name.encode()) > 120:
        return "the file's name is too long"
    return f"{name} has another meaning" if name.casefold() in RESERVED else None


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts of a file; none where it is not there. Raises StudyError."""
    draft = Draft(path.parent)
    found = located_records(draft, path.name, Verdict) if path.exists() else []
    if draft.problems:
        raise StudyError(draft.problems)
    return [row.record for row in found]
