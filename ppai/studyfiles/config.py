"""Reads study.yaml, naming the key and the line of whatever is wrong in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ppai.schema import StudyConfig
from ppai.studyfiles.known_keys import slips
from ppai.studyfiles.lines import read_text, storable
from ppai.studyfiles.problems import Problem, dotted, explain, quoted

CONFIG_FILE = "study.yaml"
MAX_DEPTH = 20
"""How deep lists and mappings may be nested."""

DEPENDENT = {"systems": ("reference",), "criteria": ("overall", "required", "primary")}
"""Keys that say nothing while another one is wrong."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, which unlike the Python one reads `{question: Which is better?}`."""
_RESOLVERS = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
    for first, rules in _LOADER.yaml_implicit_resolvers.items()
}
LOADER: Any = type("_Loader", (_LOADER,), {"yaml_implicit_resolvers": _RESOLVERS})
"""A date stays the text that it is written as."""

KeyPath = tuple[Any, ...]
Lines = Mapping[KeyPath, int]
"""The 1-based line of each key, by its path."""


@dataclass(frozen=True)
class ConfigFile:
    """What study.yaml says."""

    config: StudyConfig | None = None
    """None where the file cannot be read at all; a key that is wrong is at its default."""
    lines: Lines = field(default_factory=dict)
    faulty: frozenset[str] = frozenset()
    """Keys that are wrong: what depends on them cannot be checked."""


def read_config(directory: Path, problems: list[Problem]) -> ConfigFile:
    """The configuration, of which as much is kept as is right; the default where there is no study.yaml."""
    path = directory / CONFIG_FILE
    if not path.exists():
        return ConfigFile(StudyConfig())
    text = read_text(path, problems)
    if text is None:
        return ConfigFile()
    try:
        refused = _refused(text)
        node = None if refused else yaml.compose(text, Loader=LOADER)
        values = None if refused else yaml.load(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problems.append(Problem(path.name, line, "", f"is not YAML: {error.problem or error.context}"))
        return ConfigFile()
    except (yaml.YAMLError, ValueError, OverflowError, TypeError) as error:
        problems.append(Problem(path.name, 0, "", f"is not YAML: {' '.join(str(error).split())}"))
        return ConfigFile()
    if refused:
        problems.append(refused)
        return ConfigFile()
    lines, twice = _key_lines(node)
    problems.extend(twice)
    if values is not None and not isinstance(values, dict):
        problems.append(Problem(CONFIG_FILE, 1, "", f"must hold keys and values, not {quoted(values)}"))
        return ConfigFile(None, lines)
    config, faulty = _validated(values or {}, {problem.field.split(".")[0] for problem in twice}, lines, problems)
    return ConfigFile(config, lines, faulty)


def line_of(lines: Lines, path: KeyPath) -> int:
    """The line of a key, else of the nearest key around it, else 0."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def _validated(
    values: Mapping[Any, Any], faulty: set[Any], lines: Lines, problems: list[Problem]
) -> tuple[StudyConfig, frozenset[str]]:
    """The configuration without the keys that are wrong, and those."""

    def say(faults: list[tuple[KeyPath, str]]) -> None:
        problems.extend(Problem(CONFIG_FILE, line_of(lines, path), dotted(path), message) for path, message in faults)

    unkept = list(_unkept(values))
    say(unkept)
    faulty |= {path[0] for path, _ in unkept}
    named = {key: value for key, value in values.items() if isinstance(key, str)}
    near = list(slips(named))
    say([(path, f"is not a known key: did you mean {meant}?") for path, meant in near])
    faulty |= {meant for path, meant in near if len(path) == 1}
    while True:
        silent = {other for key in faulty for other in DEPENDENT.get(key, ())}
        named = {key: value for key, value in named.items() if key not in faulty | silent}
        try:
            return StudyConfig.model_validate(named), frozenset(map(str, faulty))
        except ValidationError as error:
            faults = explain(error)
            say([fault for fault in faults if fault[0] not in dict(near)])
            wrong = {path[0] for path, _ in faults if path} & named.keys()
            if not wrong:
                return StudyConfig(), frozenset(StudyConfig.model_fields)
            faulty |= wrong


def _unkept(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Values of YAML that a store, or a line of JSON, could not keep as they are."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, str) and storable(key):
                yield from _unkept(inner, (*path, key))
            else:
                yield (*path, key), "a key must be text: put it in quotes"
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unkept(inner, (*path, index))
    elif isinstance(value, str):
        if not storable(value):
            yield path, "holds a NUL character, which cannot be stored"
    elif isinstance(value, int | float):
        if not math.isfinite(value) or (isinstance(value, int) and abs(value) >= 2**63):
            yield path, f"is a number that cannot be kept: {quoted(value)}"
    elif value is not None:
        yield path, f"must be text, a number, a list or keys and values, not {type(value).__name__}"


def _refused(text: str) -> Problem | None:
    """Refuses what grows when it is read (aliases) and what is nested deeper than the C loader survives."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            return Problem(CONFIG_FILE, line, "", "anchors and aliases are not supported")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return Problem(CONFIG_FILE, line, "", "is nested too deeply")
    return None


def _key_lines(root: yaml.Node | None) -> tuple[dict[KeyPath, int], list[Problem]]:
    """The line of every key, and a problem for each that stands twice."""
    lines: dict[KeyPath, int] = {}
    twice: list[Problem] = []
    waiting: list[tuple[KeyPath, yaml.Node]] = [((), root)] if root else []
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
                    twice.append(Problem(CONFIG_FILE, line, dotted(inner), message))
                lines[inner] = line
                waiting.append((inner, child))
    return lines, twice
