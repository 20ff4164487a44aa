"""Reads the human answers that responses are compared with: a JSON Lines, CSV or TSV file with a row an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppai.errors import PPAIError, StudyError
from ppai.schema import Study
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem, kind
from ppai.studyfiles.tables import read_table

ID_COLUMNS = ("prompt_id", "id")
TEXT_COLUMNS = ("reference", "references", "human_answer", "best_comment", "answer", "comment", "response", "text")
"""Columns taken for the answer where none is named, in this order."""
SAME = 0.9
"""Share of a system's responses that, found among their prompts' answers, shows that the answers are the system's."""


@dataclass(frozen=True)
class AnswerFile:
    """A file's answers, in its order."""

    name: str
    column: str
    answers: Mapping[str, tuple[str, ...]]
    """By prompt id; a prompt has as many as the file has rows, or a list holds texts, for it."""
    lines: Mapping[str, int]
    """Where each prompt first stands."""

    def of_study(self, study: Study) -> dict[str, tuple[str, ...]]:
        """The answers by prompt, in the study's order, of those prompts that have any.

        Raises PPAIError where an id is not the study's, none has an answer, or the column holds the posts or a
        system's responses.
        """
        texts = {prompt.id: prompt.text for prompt in study.prompts}
        unknown = [prompt for prompt in self.answers if prompt not in texts]
        if unknown:
            others = len(unknown) - 1
            more = f" (nor {others} {'others' if others > 1 else 'other'} that the file names)" if others else ""
            raise PPAIError(f"{self.name}:{self.lines[unknown[0]]}: the study has no prompt {unknown[0]!r}{more}")
        found = {prompt: self.answers[prompt] for prompt in texts if prompt in self.answers}
        if not found:
            raise PPAIError(f"{self.name}: {self.column}: holds no text")
        if all(texts[prompt].strip() == answer.strip() for prompt, answers in found.items() for answer in answers):
            raise PPAIError(f"{self.name}: {self.column}: holds the posts; name the answers' with --reference-column")
        self._refuse_responses(study, found)
        return found

    def _refuse_responses(self, study: Study, found: Mapping[str, Sequence[str]]) -> None:
        answers = {prompt: {text.strip() for text in texts} for prompt, texts in found.items()}
        for system in study.config.system_ids:
            own = [one for one in study.responses if one.system == system and one.prompt_id in answers]
            same = sum(one.text.strip() in answers[one.prompt_id] for one in own)
            if own and same >= SAME * len(own):
                raise PPAIError(
                    f"{self.name}: {self.column}: holds the responses of {system!r} ({same} of {len(own)} are the "
                    "same): answers of people are needed, and --reference-column names theirs"
                )


def read_answers(path: Path, column: str | None = None) -> AnswerFile:
    """The answers of a file. Raises StudyError with every problem, one line each."""
    problems: list[Problem] = []
    rows = (
        _table_rows(path, problems) if path.suffix.lower() in (".csv", ".tsv", ".tab") else _object_rows(path, problems)
    )
    if problems:
        raise StudyError(problems)
    if not rows:
        raise StudyError([Problem(path.name, 0, "", "is empty")])
    columns = list(dict.fromkeys(key for _, row in rows for key in row))
    identifier = _column(path.name, columns, ID_COLUMNS, None, "of prompt ids")
    text = _column(path.name, [name for name in columns if name != identifier], TEXT_COLUMNS, column, "of answers")
    return _collected(path.name, rows, identifier, text)


def _table_rows(path: Path, problems: list[Problem]) -> list[tuple[int, Mapping[str, Any]]]:
    table = read_table(path, problems, None if path.suffix.lower() == ".csv" else "\t")
    return [] if table is None else list(table.rows)


def _object_rows(path: Path, problems: list[Problem]) -> list[tuple[int, Mapping[str, Any]]]:
    return list(read_objects(path, problems))


def _column(file: str, columns: Sequence[str], usual: Iterable[str], named: str | None, what: str) -> str:
    if named is not None:
        if named not in columns:
            raise StudyError(
                [Problem(file, 0, "--reference-column", f"no column {named!r}; there are {', '.join(columns)}")]
            )
        return named
    by_name = {column.lower(): column for column in reversed(columns)}
    found = [by_name[name] for name in usual if name in by_name]
    if not found:
        raise StudyError(
            [Problem(file, 0, "", f"no column {what} ({', '.join(usual)}); there are {', '.join(columns)}")]
        )
    return found[0]


def _collected(file: str, rows: Iterable[tuple[int, Mapping[str, Any]]], identifier: str, column: str) -> AnswerFile:
    answers: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for line, row in rows:
        prompt, found = row.get(identifier), row.get(column)
        texts = found if isinstance(found, list) else [] if found is None else [found]
        if isinstance(prompt, bool) or not isinstance(prompt, str | int) or prompt == "":
            problems.append(Problem(file, line, identifier, f"must be a prompt's id, not {kind(prompt)}"))
            continue
        if not all(isinstance(text, str) for text in texts):
            problems.append(Problem(file, line, column, "must be text, or a list of texts"))
            continue
        key = str(prompt)
        lines.setdefault(key, line)
        answers[key] = (*answers.get(key, ()), *(text for text in texts if text.strip()))
    if problems:
        raise StudyError(problems)
    return AnswerFile(file, column, {key: texts for key, texts in answers.items() if texts}, lines)
