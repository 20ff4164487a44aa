"""Writes how a system was generated into study.yaml, and leaves the rest of the file as it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from eval.generating.setup import Setup
from ppai.errors import PPAIError, StudyError
from ppai.schema import Generation, StudyConfig
from ppai.studyfiles.config import CONFIG_FILE, LOADER, read_config
from ppai.studyfiles.problems import Problem
from ppai.studyfiles.whole_files import write_whole


def entry(setup: Setup) -> dict[str, Any]:
    """The system's `generation`: what differs from the defaults."""
    values = setup.generation.model_dump(mode="json", exclude_none=True)
    defaults = {name: field.default for name, field in Generation.model_fields.items()}
    return {key: value for key, value in values.items() if key == "model" or defaults.get(key) != value}


def is_listed(config: StudyConfig, setup: Setup) -> bool:
    """Whether study.yaml says already that the system is written so."""
    return any(one.id == setup.system and one.generation == setup.generation for one in config.systems)


def lines(config: StudyConfig, setup: Setup) -> str:
    """What stands in study.yaml under `systems` for this system; JSON, which YAML reads, with the keys unquoted."""
    own = next((one for one in config.systems if one.id == setup.system), None)
    values = {} if own is None else own.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return f"- {_flow({'id': setup.system} | values | {'generation': entry(setup)})}"


def add(directory: Path, setups: Sequence[Setup], systems: Sequence[str]) -> Path:
    """Writes the systems' entries. A study that listed none lists all `systems` then, so that none is lost.

    Raises StudyError where study.yaml would be wrong by it; then the file stays as it was.
    """
    path = directory / CONFIG_FILE
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    for setup in setups:
        text = _with(text, setup, systems)
    _check(directory, text)
    write_whole(directory, {CONFIG_FILE: text})
    return path


def _with(text: str, setup: Setup, systems: Sequence[str]) -> str:
    config = StudyConfig.model_validate(yaml.load(text, Loader=LOADER) or {})
    line, node = lines(config, setup), _systems_node(text)
    if node is None or not node.value:
        if node is not None:
            raise PPAIError("study.yaml: systems is empty: take the key out, or list the study's systems")
        others = [f"- {_flow({'id': one})}" for one in systems if one != setup.system]
        text += "" if text.endswith("\n") or not text else "\n"
        return text + "systems:\n" + "".join(f"  {one}\n" for one in [*others, line])
    ids = [one.id for one in config.systems]
    if setup.system in ids:
        item = node.value[ids.index(setup.system)]
        end = _end(text, item)
        return text[: item.start_mark.index] + line[2:] + text[end:]
    if node.flow_style:
        at = node.end_mark.index - 1
        return text[:at].rstrip().removesuffix(",") + f", {line[2:]}" + text[at:]
    last = node.value[-1]
    column, end = node.start_mark.column, text.find("\n", _end(text, last))
    end = len(text) if end < 0 else end
    return text[:end] + f"\n{' ' * column}{line}" + text[end:]


def _end(text: str, item: yaml.Node) -> int:
    """Where the item's own text ends; a block's mark stands behind the blank lines and comments that follow it."""
    if isinstance(item, yaml.CollectionNode) and not item.flow_style and item.value:
        inner = item.value[-1]
        return _end(text, inner[1] if isinstance(inner, tuple) else inner)
    end = int(item.end_mark.index)
    return end - 1 if text[:end].endswith("\n") else end


def _systems_node(text: str) -> yaml.SequenceNode | None:
    root = yaml.compose(text, Loader=LOADER)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "systems" and isinstance(value, yaml.SequenceNode):
            return value
    return None


def _flow(values: Any) -> str:
    """In one line, as people write it: `{id: ft, generation: {model: m, adapter: adapter}}`."""
    if isinstance(values, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(value)}" for key, value in values.items()) + "}"
    if isinstance(values, str):
        plain = values.replace("_", "").replace("-", "").replace("/", "").replace(".", "")
        bare = values.isascii() and plain.isalnum() and values[0].isalpha()
        return values if bare and yaml.load(values, Loader=LOADER) == values else json.dumps(values)
    return json.dumps(values)


def _check(directory: Path, text: str) -> None:
    """Reads what is about to be written, in a directory of its own."""
    import tempfile

    problems: list[Problem] = []
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / CONFIG_FILE).write_text(text, encoding="utf-8")
        read_config(Path(place), problems)
    if problems:
        raise StudyError(problems)
