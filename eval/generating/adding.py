"""Writes how a system was generated into study.yaml, and leaves the rest of the file as it stands."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from eval.generating.entries import flow, with_entries, with_entry, with_entry_replaced
from eval.generating.locks import only_writer
from eval.generating.setup import Setup
from ppai.errors import PPAIError, StudyError
from ppai.schema import Generation, StudyConfig, System
from ppai.studyfiles.config import CONFIG_FILE, read_config
from ppai.studyfiles.problems import Problem, dotted, explain
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
    return f"- {_entry(config, setup)}"


def check_addable(directory: Path, setups: Sequence[Setup], systems: Sequence[str]) -> None:
    """Raises what `add` would raise, before anything is made that is to be added."""
    _written(directory, setups, systems)


def add(directory: Path, setups: Sequence[Setup], systems: Sequence[str]) -> Path:
    """Writes the systems' entries. A study that listed none lists all `systems` then, so that none is lost.

    Raises PPAIError where study.yaml would be wrong by it, or is written so that no entry can be put into it; then the
    file stays as it was. Waits while another run writes the study.
    """
    with only_writer(directory):
        write_whole(directory, {CONFIG_FILE: _written(directory, setups, systems)})
    return directory / CONFIG_FILE


def _written(directory: Path, setups: Sequence[Setup], systems: Sequence[str]) -> bytes:
    """The file as it would be with the entries, read and compared with what it is to say."""
    path = directory / CONFIG_FILE
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise PPAIError(f"{path}: cannot be read: {error.strerror or error}") from None
    problems: list[Problem] = []
    before = _read(data, problems)
    if problems or before is None:
        raise StudyError(problems)
    wanted = _with(before, setups, systems)
    try:
        text = _text(data.decode("utf-8-sig"), before, setups, systems)
    except yaml.YAMLError:
        raise _by_hand(path, before, setups, systems) from None
    written = (codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b"") + text.encode()
    if _read(written, problems) != wanted or problems:
        raise _by_hand(path, before, setups, systems)
    return written


def _with(before: StudyConfig, setups: Sequence[Setup], systems: Sequence[str]) -> StudyConfig:
    """What study.yaml is to say. Raises PPAIError where no study could."""
    listed = {one.id: one for one in before.systems or [System(id=name) for name in _others(setups, systems)]}
    for setup in setups:
        own = listed.get(setup.system, System(id=setup.system))
        listed[setup.system] = own.model_copy(update={"generation": setup.generation})
    wanted = before.model_copy(update={"systems": tuple(listed.values())})
    try:
        StudyConfig.model_validate(wanted.model_dump())
    except ValidationError as error:
        names = ", ".join(setup.system for setup in setups)
        path, message = explain(error)[0]
        field = f"{dotted(path)}: " if path else ""
        raise PPAIError(f"{CONFIG_FILE}: would be wrong with {names} added: {field}{message}") from None
    return wanted


def _text(text: str, before: StudyConfig, setups: Sequence[Setup], systems: Sequence[str]) -> str:
    if not before.systems:
        return with_entries(text, _all_entries(before, setups, systems))
    places = {name: place for place, name in enumerate(before.system_ids)}
    for setup in setups:
        own = _entry(before, setup)
        place = places.get(setup.system)
        text = with_entry(text, own) if place is None else with_entry_replaced(text, place, own)
    return text


def _all_entries(before: StudyConfig, setups: Sequence[Setup], systems: Sequence[str]) -> list[str]:
    """What is to be written: of a study that lists no systems, all of them."""
    others = [] if before.systems else [flow({"id": name}) for name in _others(setups, systems)]
    return [*others, *(_entry(before, setup) for setup in setups)]


def _entry(config: StudyConfig, setup: Setup) -> str:
    own = next((one for one in config.systems if one.id == setup.system), None)
    values = {} if own is None else own.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return flow({"id": setup.system} | values | {"generation": entry(setup)})


def _others(setups: Sequence[Setup], systems: Sequence[str]) -> list[str]:
    new = {setup.system for setup in setups}
    return [name for name in systems if name not in new]


def _by_hand(path: Path, before: StudyConfig, setups: Sequence[Setup], systems: Sequence[str]) -> PPAIError:
    entries = " and ".join(f"- {one}" for one in _all_entries(before, setups, systems))
    replaced = [setup.system for setup in setups if setup.system in before.system_ids]
    instead = f" in place of what stands there of {', '.join(replaced)}" if replaced else ""
    return PPAIError(f"{path}: --add cannot write into the file as it is; write under systems{instead}: {entries}")


def _read(data: bytes, problems: list[Problem]) -> StudyConfig | None:
    """Reads what is about to be written, in a directory of its own."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / CONFIG_FILE).write_bytes(data)
        return read_config(Path(place), problems).config
