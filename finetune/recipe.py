"""A training recipe: one YAML file, read into a few dataclasses of ours and what TRL, PEFT and bitsandbytes take.

The sections `training`, `lora` and `quantization` are those of SFTConfig, LoraConfig and BitsAndBytesConfig, whose keys
`finetune.training.arguments` checks, since only the installed libraries know them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from finetune.model import PACKAGED
from finetune.speed import Speed
from finetune.training.contradictions import check_contradictions
from ppai.errors import PPAIError

RECIPES = Path(__file__).parent / "recipes"
DEFAULT = "smollm2_135m"
DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Base:
    """The model that is trained."""

    name: str = PACKAGED
    """A folder, a hub id, or the packaged SmolLM2."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    dtype: str = "auto"
    """What weights are kept in that are not quantized; `auto` is what the files have."""
    attention: str = "sdpa"
    """transformers' name for the kernel."""


@dataclass(frozen=True)
class Data:
    """What it is trained on; paths are relative to the working directory."""

    train: str | None = None
    """JSON Lines or Parquet of `messages`, or of `prompt` and `completion`; or a directory that `ppai curate` wrote."""
    validation: str | None = None
    """Likewise; without it a share of `train` is held out."""
    validation_share: float = 0.1
    """Of the prompts of `train`, where there is no file of its own."""


@dataclass(frozen=True)
class Stopping:
    """When training ends before its last step."""

    patience: int | None = 3
    """Evaluations in a row without a better validation loss; null never stops early."""
    min_delta: float = 0.0
    """By how much a validation loss must be lower to be better."""


@dataclass(frozen=True)
class Recipe:
    """A recipe as its file says it. `name` is the file's, for messages and the summary."""

    name: str
    base: Base = field(default_factory=Base)
    data: Data = field(default_factory=Data)
    stopping: Stopping = field(default_factory=Stopping)
    training: Mapping[str, Any] = field(default_factory=dict)
    lora: Mapping[str, Any] = field(default_factory=dict)
    quantization: Mapping[str, Any] | None = None
    speed: Speed | None = None

    def as_dict(self) -> dict[str, Any]:
        """Its sections, as the file has them, with every value of ours."""
        parts = {key: _plain(getattr(self, key)) for key in SECTIONS}
        return {key: value for key, value in parts.items() if value is not None}

    def as_yaml(self) -> str:
        return yaml.safe_dump(self.as_dict(), sort_keys=False, allow_unicode=True, width=110)


OURS: dict[str, type] = {"base": Base, "data": Data, "stopping": Stopping, "speed": Speed}
THEIRS = ("training", "lora", "quantization")
SECTIONS = ("base", "data", "stopping", "training", "lora", "quantization", "speed")


class _Loader(yaml.SafeLoader):
    """Reads 1e-4 as the number that YAML 1.2 says it is, and refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise PPAIError(f"line {node.start_mark.line + 1}: the key {twice!r} stands twice")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:float"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)


def known_recipes() -> list[str]:
    """The names of the training recipes that PPAI brings."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml") if not path.stem.startswith("curation"))


def read_recipe(name: str = DEFAULT, settings: Iterable[str] = ()) -> Recipe:
    """A recipe file, or one that PPAI brings, by its name with or without `.yaml`.

    `settings` such as `training.learning_rate=2e-4` stand above the file. Raises PPAIError, naming file and key,
    where something in it is not known, is of a wrong type, or contradicts something else.
    """
    path = RECIPES / f"{name.removesuffix('.yaml')}.yaml"
    if Path(name).exists() or name.removesuffix(".yaml") not in known_recipes():
        path = Path(name)
    sections = _sections(path, name)
    try:
        for setting in settings:
            _set(sections, setting)
        return recipe_of(path.name, sections)
    except PPAIError as error:
        raise PPAIError(f"{path.name}: {error}") from error


def recipe_of(name: str, sections: Mapping[str, Any]) -> Recipe:
    """The recipe of these sections. Raises PPAIError naming the key that is wrong."""
    check_keys(sections, SECTIONS, "")
    parts: dict[str, Any] = {}
    for section, values in sections.items():
        if values is None:
            continue
        if not isinstance(values, Mapping):
            raise PPAIError(f"{section}: must be a mapping of keys to values")
        parts[section] = dict(values) if section in THEIRS else _ours(section, values)
    recipe = Recipe(name, **parts)
    _check_values(recipe)
    check_contradictions(recipe)
    return recipe


def with_data(recipe: Recipe, train: str | None, validation: str | None) -> Recipe:
    """The recipe with the files that were named beside it."""
    data = recipe.data
    if train is not None:
        data = replace(data, train=train, validation=None)  # else another file's validation set would judge this one
    if validation is not None:
        data = replace(data, validation=validation)
    return replace(recipe, data=data)


def check_keys(values: Mapping[Any, Any], known: Iterable[str], prefix: str, reasons: Mapping[str, str] = {}) -> None:
    """Raises PPAIError for the first key that is not known, with the nearest that is, or `reasons` why not."""
    names = list(known)
    for key in values:
        if key in reasons:
            raise PPAIError(f"{prefix}{key}: {reasons[key]}")
        if key not in names:
            near = difflib.get_close_matches(str(key), [one for one in names if one not in reasons], 1)
            raise PPAIError(f"{prefix}{key}: no such key" + (f"; did you mean {near[0]!r}?" if near else ""))


def check_types(values: Mapping[str, Any], kind: type, prefix: str) -> None:
    """Raises PPAIError for the first value that does not fit its field of the dataclass `kind`."""
    hints = get_type_hints(kind)
    hints |= {"fsdp": bool | str | None} if "fsdp" in hints else {}  # transformers says str, and means either
    for key, value in values.items():
        try:
            adapter = TypeAdapter(hints[key], config=ConfigDict(strict=True, arbitrary_types_allowed=True))
        except Exception:  # noqa: BLE001 - a type that pydantic has no schema for is its library's to check
            continue
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            fault = error.errors()[0]["msg"]
            raise PPAIError(f"{prefix}{key}: {fault[:1].lower()}{fault[1:]}, not {value!r}") from error


def _sections(path: Path, name: str) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text("utf-8"), _Loader)
    except OSError as error:
        known = ", ".join(known_recipes())
        raise PPAIError(f"--recipe: {name!r} is neither a file that can be read nor one of {known}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PPAIError(f"{path.name}: is not YAML: {' '.join(str(error).split())}") from error
    except PPAIError as error:
        raise PPAIError(f"{path.name}: {error}") from error
    if not isinstance(values, dict):
        raise PPAIError(f"{path.name}: must be a mapping of sections: {', '.join(SECTIONS)}")
    return values


def _set(sections: dict[str, Any], setting: str) -> None:
    """Puts `section.key=value` into the sections; the value is read as YAML, and none takes the key out."""
    place, sign, text = setting.partition("=")
    section, dot, key = place.strip().partition(".")
    if not (sign and dot and key):
        raise PPAIError(f"--set: {setting!r} is not of the form section.key=value")
    try:
        value = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise PPAIError(f"--set {place}: {text!r} is not YAML") from error
    values = sections.get(section)
    kept = {name: one for name, one in (values if isinstance(values, dict) else {}).items() if name != key}
    sections[section] = kept if not text.strip() else {**kept, key: value}


def _ours(section: str, values: Mapping[str, Any]) -> Any:
    kind = OURS[section]
    check_keys(values, [one.name for one in fields(kind)], f"{section}.")
    check_types(values, kind, f"{section}.")
    return kind(**values)


def _check_values(recipe: Recipe) -> None:
    patience = recipe.stopping.patience
    for fits, message in (
        (recipe.base.name.strip(), "base.name: is empty"),
        (recipe.base.dtype in DTYPES, f"base.dtype: {recipe.base.dtype!r} is none of {', '.join(DTYPES)}"),
        (0 < recipe.data.validation_share < 1, "data.validation_share: must be above 0 and below 1"),
        (patience is None or patience > 0, "stopping.patience: must be above 0, or null"),
        (recipe.stopping.min_delta >= 0, "stopping.min_delta: must not be below 0"),
    ):
        if not fits:
            raise PPAIError(message)


def _plain(value: Any) -> Any:
    """A section as YAML can hold it."""
    if value is None or isinstance(value, Mapping):
        return value and dict(value)
    return {one.name: getattr(value, one.name) for one in fields(value)}
