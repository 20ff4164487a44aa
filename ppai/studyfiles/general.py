"""Reads the general layout: prompts.jsonl and responses.jsonl, and the optional files beside them."""

from __future__ import annotations

from ppai.schema import Assignment, Prompt, Response, Verdict, Vote
from ppai.studyfiles.config import CONFIG_FILE, line_of
from ppai.studyfiles.draft import Draft, PairLine, located_records
from ppai.studyfiles.problems import Problem

PROMPTS, RESPONSES = "prompts.jsonl", "responses.jsonl"
VOTES, VERDICTS, ASSIGNMENTS = "votes.jsonl", "verdicts.jsonl", "assignments.jsonl"
RESERVED = (PROMPTS, RESPONSES, VOTES, VERDICTS, ASSIGNMENTS, CONFIG_FILE)

PAIR_RULES = ("all", "reference")


def read_general(draft: Draft) -> None:
    """Fills the draft from its directory, whose study.yaml has been read."""
    directory, problems = draft.directory, draft.problems
    draft.prompts, broken = located_records(directory / PROMPTS, Prompt, problems)
    draft.broken_prompts = {str(values.get("id")) for values in broken}
    draft.responses, broken = located_records(directory / RESPONSES, Response, problems)
    draft.broken_responses = {(str(row.get("prompt_id")), str(row.get("system"))) for row in broken}
    read_additions(draft)


def read_additions(draft: Draft) -> None:
    """The files that either layout may have: votes, verdicts, assignments and a list of pairs."""
    directory, problems = draft.directory, draft.problems
    if (directory / VOTES).exists():
        draft.votes, _ = located_records(directory / VOTES, Vote, problems)
    if (directory / VERDICTS).exists():
        rows, _ = located_records(directory / VERDICTS, Verdict, problems)
        draft.verdicts.extend(rows)
    if (directory / ASSIGNMENTS).exists():
        draft.assignments, _ = located_records(directory / ASSIGNMENTS, Assignment, problems)
    rule = draft.config.pairs if draft.config else "all"
    if rule in PAIR_RULES:
        return
    fault = pair_file_fault(rule)
    if fault:
        line = line_of(draft.config_lines, ("pairs",))
        problems.append(Problem(CONFIG_FILE, line, "pairs", fault))
    else:
        draft.pair_lines, _ = located_records(directory / rule, PairLine, problems)


def pair_file_fault(name: str) -> str | None:
    """Why a name cannot be that of the file of pairs: it must be a plain one in the study's own directory."""
    if not name or name.startswith(".") or any(char in '/\\:*?"<>|' or not char.isprintable() for char in name):
        return f"must be all, reference or the name of a file beside study.yaml, not {name!r}"
    if len(name.encode()) > 120:
        return "the file's name is too long"
    return f"{name} has another meaning" if name.casefold() in RESERVED else None
