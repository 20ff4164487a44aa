"""Reads a study from a directory in either layout, or says everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

from ppai.errors import StudyError
from ppai.schema import LIVE_SPLIT, Pair, Study, StudyConfig
from ppai.studyfiles.checking import check_draft
from ppai.studyfiles.config import read_config
from ppai.studyfiles.draft import Draft
from ppai.studyfiles.general import PROMPTS, RESPONSES, read_general
from ppai.studyfiles.pairs import ordered_pair, study_pairs
from ppai.studyfiles.problems import Problem
from ppai.studyfiles.published import prompt_files, read_published


def read_study(directory: Path) -> Study:
    """The study of a directory, in the general or the published layout.

    Raises:
        StudyError: with every problem of its files.
    """
    draft = _draft(Path(directory))
    problems = _in_order(draft.problems)
    if problems:
        raise StudyError(problems)
    config = draft.complete_config()
    live = {row.record.id for row in draft.prompts if row.record.split == LIVE_SPLIT}
    prompts = tuple(row.record for row in draft.prompts if row.record.id not in live)
    responses = tuple(row.record for row in draft.responses if row.record.prompt_id not in live)
    return Study(
        config=config,
        prompts=prompts,
        responses=responses,
        pairs=_listed_pairs(draft, config) or study_pairs(config, prompts, responses),
        votes=tuple(row.record for row in draft.votes),
        verdicts=tuple(row.record for row in draft.verdicts),
        assignments=tuple(row.record for row in draft.assignments),
        scores=tuple(row.record for row in draft.scores),
        live_prompts=tuple(row.record for row in draft.prompts if row.record.id in live),
        live_responses=tuple(row.record for row in draft.responses if row.record.prompt_id in live),
    )


def check_study(directory: Path) -> list[Problem]:
    """Every problem of a study's files, file by file in the order of their lines; empty where there is none."""
    return _in_order(_draft(Path(directory)).problems)


def _draft(directory: Path) -> Draft:
    draft = Draft(directory)
    try:
        if directory.is_dir():
            _fill(draft)
        else:
            what = "is not a directory" if directory.exists() else "there is no such directory"
            draft.problems.append(Problem(str(directory), 0, "", what))
    except OSError as error:
        draft.problems.append(Problem(str(directory), 0, "", f"cannot be read: {error.strerror or error}"))
    return draft


def _fill(draft: Draft) -> None:
    directory = draft.directory
    read = read_config(directory, draft.problems)
    draft.config, draft.config_lines, draft.faulty = read.config, read.lines, read.faulty
    general = (directory / PROMPTS).exists() or (directory / RESPONSES).exists()
    published = not general and prompt_files(directory)
    if published:
        read_published(draft)
    else:
        read_general(draft)
    check_draft(draft)
    if not draft.problems and not _has_pair(draft):
        where = draft.responses[0].file if draft.responses else RESPONSES
        message = "no two systems answered the same prompt: there is no pair to compare"
        draft.problems.append(Problem(where, 0, "", message))


def _has_pair(draft: Draft) -> bool:
    if draft.pair_lines is not None:
        return bool(draft.pair_lines)
    records = [row.record for row in draft.responses]
    prompts = [row.record for row in draft.prompts if row.record.split != LIVE_SPLIT]
    return bool(study_pairs(draft.complete_config(), prompts, records))


def _listed_pairs(draft: Draft, config: StudyConfig) -> tuple[Pair, ...]:
    rows = [row.record for row in draft.pair_lines or ()]
    return tuple(ordered_pair(config, row.prompt_id, row.system_a, row.system_b) for row in rows)


def _in_order(problems: list[Problem]) -> list[Problem]:
    files = {name: place for place, name in enumerate(dict.fromkeys(problem.file for problem in problems))}
    return sorted(dict.fromkeys(problems), key=lambda problem: (files[problem.file], problem.line))
