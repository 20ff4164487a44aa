"""Reads study.yaml, naming the key and the line of whatever is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ppai.schema import StudyConfig
from ppai.studyfiles.lines import read_text
from ppai.studyfiles.problems import Problem, dotted, explain, quoted

CONFIG_FILE = "study.yaml"
MAX_DEPTH = 20
"""How deep lists and mappings may be nested."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, which unlike the Python one reads `{question: Which is better?}`."""

Lines = Mapping[tuple[Any, ...], int]
"""The 1-based line of each key, by its path."""


def read_config(directory: Path, problems: list[Problem]) -> tuple[StudyConfig | None, Lines]:
    """The configuration and the lines of its keys; the default where there is no study.yaml, None where it is wrong."""
    path = directory / CONFIG_FILE
    if not path.exists():
        return StudyConfig(), {}
    text = read_text(path, problems)
    if text is None:
        return None, {}
    try:
        faults = _shape_faults(text)
        node = None if faults else yaml.compose(text, Loader=LOADER)
        lines = _key_lines(node, faults)
        values = None if faults else yaml.load(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problems.append(Problem(path.name, line, "", f"is not YAML: {error.problem or error.context}"))
        return None, {}
    except (yaml.YAMLError, ValueError, OverflowError, TypeError) as error:
        problems.append(Problem(path.name, 0, "", f"is not YAML: {' '.join(str(error).split())}"))
        return None, {}
    problems.extend(faults)
    return (None if faults else _validated(values, lines, problems)), lines


def line_of(lines: Lines, path: tuple[Any, ...]) -> int:
    """The line of a key, else of the nearest key around it, else 0."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def _validated(values: Any, lines: Lines, problems: list[Problem]) -> StudyConfig | None:
    if values is not None and not isinstance(values, dict):
        problems.append(Problem(CONFIG_FILE, 1, "", f"must hold keys and values, not {quoted(values)}"))
        return None
    try:
        return StudyConfig.model_validate(values or {})
    except ValidationError as error:
        for path, message in explain(error):
            problems.append(Problem(CONFIG_FILE, line_of(lines, path), dotted(path), message))
        return None


def _shape_faults(text: str) -> list[Problem]:
    """Refuses what grows when it is read (aliases) and what is nested deeper than the C loader survives."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            return [Problem(CONFIG_FILE, line, "", "anchors and aliases are not supported")]
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return [Problem(CONFIG_FILE, line, "", "is nested too deeply")]
    return []


def _key_lines(root: yaml.Node | None, faults: list[Problem]) -> dict[tuple[Any, ...], int]:
    """The line of every key; a key that stands twice is a fault."""
    lines: dict[tuple[Any, ...], int] = {}
    waiting: list[tuple[tuple[Any, ...], yaml.Node]] = [((), root)] if root else []
    while waiting:
        path, node = waiting.pop()
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(((*path, index), child) for index, child in enumerate(node.value))
        elif isinstance(node, yaml.MappingNode):
            for key, child in node.value:
                inner, line = (*path, str(key.value)), key.start_mark.line + 1
                if inner in lines:
                    message = f"stands twice, first on line {lines[inner]}"
                    faults.append(Problem(CONFIG_FILE, line, dotted(inner), message))
                lines[inner] = line
                waiting.append((inner, child))
    return lines
