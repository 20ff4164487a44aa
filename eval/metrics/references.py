"""Reads the human answers that responses are compared with: a JSON Lines, CSV or TSV file with a row an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
LEARNED, JUDGING = "train", "validation"
"""What a column `split` says of answers that systems may have learned from, and of those that they are judged by."""
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
    topics: Mapping[str, str] = field(default_factory=dict)
    """Of the prompts that the file gives a topic."""

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

    def by_topic(self, study: Study) -> dict[str, tuple[str, ...]]:
        """For each of the study's prompts all answers to the file's prompts of its topic, in the study's order.

        They answer other posts, so they say how people write on such a matter, not what is right for this one. Raises
        PPAIError where the file or the study has no topics, or they have none in common.
        """
        answers: dict[str, tuple[str, ...]] = {}
        for prompt, texts in self.answers.items():
            if (topic := self.topics.get(prompt)) is not None:
                answers[topic] = (*answers.get(topic, ()), *texts)
        if not answers:
            raise PPAIError(f"{self.name}: --by-topic: no answer has a topic")
        if not any(prompt.topic for prompt in study.prompts):
            raise PPAIError("--by-topic: the study's prompts have no topics")
        found = {one.id: answers[one.topic] for one in study.prompts if one.topic and one.topic in answers}
        if not found:
            topic = next(iter(answers))
            raise PPAIError(
                f"{self.name}: --by-topic: the study has no prompt on {topic!r}, nor on any other topic of it"
            )
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
    """The answers of a file: where a column `split` says validation of some rows, of those that it says it of.

    Raises StudyError with every problem, one line each.
    """
    problems: list[Problem] = []
    rows = (
        _table_rows(path, problems) if path.suffix.lower() in (".csv", ".tsv", ".tab") else _object_rows(path, problems)
    )
    if problems:
        raise StudyError(problems)
    if not rows:
        raise StudyError([Problem(path.name, 0, "", "is empty")])
    rows = _judging(rows)
    columns = list(dict.fromkeys(key for _, row in rows for key in row))
    identifier = _column(path.name, columns, ID_COLUMNS, None, "of prompt ids")
    text = _column(path.name, [name for name in columns if name != identifier], TEXT_COLUMNS, column, "of answers")
    return _collected(path.name, rows, identifier, text)


def _table_rows(path: Path, problems: list[Problem]) -> list[tuple[int, Mapping[str, Any]]]:
    table = read_table(path, problems, None if path.suffix.lower() == ".csv" else "\t")
    return [] if table is None else list(table.rows)


def _object_rows(path: Path, problems: list[Problem]) -> list[tuple[int, Mapping[str, Any]]]:
    return list(read_objects(path, problems))


def _judging(rows: list[tuple[int, Mapping[str, Any]]]) -> list[tuple[int, Mapping[str, Any]]]:
    """Without the rows that a system may have learned from, where the file says which those are."""
    sides = {row.get("split") for _, row in rows if isinstance(row.get("split"), str)}
    return [one for one in rows if one[1].get("split") != LEARNED] if sides == {LEARNED, JUDGING} else rows


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
    topics: dict[str, str] = {}
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
        if isinstance(topic := row.get("topic"), str) and topic:
            topics.setdefault(key, topic)
        answers[key] = (*answers.get(key, ()), *(text for text in texts if text.strip()))
    if problems:
        raise StudyError(problems)
    return AnswerFile(file, column, {key: texts for key, texts in answers.items() if texts}, lines, topics)
