"""Writes a study in the general layout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from ppai.errors import PPAIError
from ppai.schema import Record, Study
from ppai.studyfiles.config import CONFIG_FILE
from ppai.studyfiles.general import (
    ASSIGNMENTS,
    PAIR_RULES,
    PROMPTS,
    RESPONSES,
    SCORES,
    VERDICTS,
    VOTES,
    pair_file_fault,
)
from ppai.studyfiles.whole_files import write_whole

_CANONICAL_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")


_LINE_SEPARATORS = re.compile("[\x85\u2028\u2029\ufeff]")


class _ConfigDumper(yaml.SafeDumper):
    """Writes Unicode as it is, save line separators, which the plain styles of YAML would fold to spaces."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _LINE_SEPARATORS.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_ConfigDumper.add_representer(str, _text_node)


def write_general(study: Study, directory: Path) -> tuple[Path, ...]:
    """Writes every file that the study has something for, and study.yaml; returns the files.

    Raises:
        PPAIError: if the directory holds a file that would be read as a part of this study and is not, or if
            the system refuses to write.
    """
    directory = Path(directory)
    integers = ids_are_integers(study)
    files = {
        CONFIG_FILE: config_text(config_values(study)),
        PROMPTS: _lines([*study.prompts, *study.live_prompts], integers),
        RESPONSES: _lines([*study.responses, *study.live_responses], integers),
    }
    optional: dict[str, Sequence[Record]] = {
        VOTES: study.votes,
        VERDICTS: study.verdicts,
        ASSIGNMENTS: study.assignments,
        SCORES: study.scores,
    }
    files |= {name: _lines(records, integers) for name, records in optional.items() if records}
    files |= pair_files(study)
    refuse_strangers(directory, [name for name in optional if name not in files])
    return write_whole(directory, files)


def refuse_strangers(directory: Path, names: Iterable[str]) -> None:
    """Raises PPAIError where a file stands that the study does not have, and would be read as a part of it."""
    for name in names:
        if (directory / name).exists():
            raise PPAIError(f"{directory / name}: does not belong to this study; choose another directory")


def config_values(study: Study) -> dict[str, Any]:
    """What study.yaml says: every key that is not at its default."""
    return study.config.model_dump(mode="json", exclude_defaults=True)


def config_text(values: dict[str, Any]) -> str:
    return yaml.dump(values, Dumper=_ConfigDumper, sort_keys=False, allow_unicode=True, width=100)


def ids_are_integers(study: Study) -> bool:
    """Whether the ids of all prompts read as integers, so that files may hold them as such."""
    return all(_CANONICAL_INTEGER.fullmatch(prompt.id) for prompt in (*study.prompts, *study.live_prompts))


def record_lines(records: Iterable[Record], study: Study) -> str:
    """Records as the lines of a study's file, with ids as the study's files hold them."""
    return _lines(records, ids_are_integers(study))


def _lines(records: Iterable[Record], integers: bool) -> str:
    return "".join(_line(record.model_dump(mode="json", exclude_defaults=True), integers) for record in records)


def _line(values: dict[str, Any], integers: bool) -> str:
    if integers and ("id" in values or "prompt_id" in values):
        name = "id" if "id" in values and "prompt_id" not in values else "prompt_id"
        values[name] = int(values[name])
    return json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n"


def pair_files(study: Study) -> dict[str, str]:
    """The file of pairs by its name, where the study has one."""
    rule = study.config.pairs
    if rule in PAIR_RULES:
        return {}
    fault = pair_file_fault(rule)
    if fault:
        raise PPAIError(f"study {study.name!r}: pairs: {fault}")
    integers = ids_are_integers(study)
    rows = ({"prompt_id": pair.prompt_id, "system_a": pair.first, "system_b": pair.second} for pair in study.pairs)
    return {rule: "".join(_line(row, integers) for row in rows)}
