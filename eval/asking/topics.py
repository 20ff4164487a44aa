"""Reads the topics that posts are wanted on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ppai.errors import StudyError
from ppai.studyfiles.lines import read_lines, read_text
from ppai.studyfiles.problems import Problem, quoted

PUBLISHED_TOPICS = Path(__file__).parents[1] / "topics_published.yaml"
OLDEST = 17
"""The posts are about children, in whole years of age."""


@dataclass(frozen=True)
class Topic:
    """What posts are about, and how old the children in them may be."""

    name: str
    youngest: int = 0
    oldest: int = OLDEST


def read_topics(path: Path = PUBLISHED_TOPICS) -> tuple[Topic, ...]:
    """The topics of a file in its order: `.yaml` or `.yml` a list of names or of `{topic, ages: [first, last]}`, any
    other a topic a line.

    Raises StudyError naming every entry that is wrong.
    """
    problems: list[Problem] = []
    entries = _yaml(path, problems) if path.suffix in (".yaml", ".yml") else _lines(path, problems)
    topics: list[Topic] = []
    for number, entry in entries:
        topic = _topic(entry)
        if isinstance(topic, Topic) and topic.name in (other.name for other in topics):
            topic = f"{quoted(topic.name)} stands twice"
        if isinstance(topic, str):
            problems.append(Problem(path.name, 0, f"topic {number}", topic))
        else:
            topics.append(topic)
    if not topics and not problems:
        problems.append(Problem(path.name, 0, "", "holds no topics"))
    if problems:
        raise StudyError(problems)
    return tuple(topics)


def _lines(path: Path, problems: list[Problem]) -> list[tuple[int, Any]]:
    return list(enumerate((line for _, line in read_lines(path, problems) if line.strip()), start=1))


def _yaml(path: Path, problems: list[Problem]) -> list[tuple[int, Any]]:
    text = read_text(path, problems)
    if text is None:
        return []
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem(path.name, mark.line + 1 if mark else 0, "", "is not YAML"))
        return []
    if not isinstance(values, list):
        problems.append(Problem(path.name, 1, "", "must be a list of topics"))
        return []
    return list(enumerate(values, start=1))


def _topic(entry: Any) -> Topic | str:
    """The topic, or what is wrong with it."""
    if isinstance(entry, dict):
        name, ages = entry.get("topic"), entry.get("ages", [0, OLDEST])
        if unknown := sorted(str(key) for key in entry if key not in ("topic", "ages")):
            return f"{', '.join(unknown)}: not known; a topic has `topic` and `ages`"
    else:
        name, ages = entry, [0, OLDEST]
    if not isinstance(name, str) or not name.strip():
        return f"must be a name, not {quoted(name)}"
    if not _is_range(ages):
        return f"ages: must be [first, last] within 0 and {OLDEST}, not {quoted(ages)}"
    return Topic(" ".join(name.split()), *ages)


def _is_range(ages: Any) -> bool:
    if not isinstance(ages, list) or len(ages) != 2 or any(type(age) is not int for age in ages):
        return False
    return 0 <= ages[0] <= ages[1] <= OLDEST
