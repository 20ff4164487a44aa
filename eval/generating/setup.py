"""Who writes for which system: study.yaml's `generation` with the options above it, and the files that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eval.client.model_client import checked_url
from ppai.digest import texts_digest
from ppai.errors import PPAIError
from ppai.schema import LIVE_SPLIT, Generation, Prompt, StudyConfig, System
from ppai.studyfiles.problems import dotted, explain

PROMPTS = Path(__file__).parents[1] / "prompts"
NO_ADAPTER = "none"
"""What `--adapter` is given to leave out the one of study.yaml."""
LONGEST_PROMPT = 50_000
"""Characters of what the system says first."""
MADE_WITH = "made_with"
"""Key of `sampling` for what is no setting: libraries, device, what a server called itself."""


@dataclass(frozen=True)
class Setup:
    """How one system writes, with everything found that its settings name."""

    system: str
    generation: Generation
    system_prompt: str
    model: str
    """As it is loaded: a path, where the study's directory holds one of this name."""
    adapter: str | None = None
    adapter_digest: str | None = None
    """Of its weights and configuration; None without an adapter, and for one on the hub."""

    @property
    def local(self) -> bool:
        return self.generation.base_url is None

    def settings(self) -> dict[str, Any]:
        """What a response depends on beside its prompt, as it is recorded with it; plain JSON."""
        found = {"prompt_digest": texts_digest(self.system_prompt), "adapter_digest": self.adapter_digest}
        given = self.generation.model_dump(mode="json", exclude_none=True)
        return given | {key: value for key, value in found.items() if value is not None}

    def messages(self, post: str) -> tuple[dict[str, str], ...]:
        """What the model is told, and then the prompt's text."""
        told = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return (*told, {"role": "user", "content": post})


def same_settings(recorded: object, settings: Mapping[str, Any]) -> bool:
    """Whether a response was made with these settings, on whatever machine."""
    return isinstance(recorded, Mapping) and {k: v for k, v in recorded.items() if k != MADE_WITH} == settings


def choose(
    config: StudyConfig, directory: Path, wanted: Sequence[str] | None = None, given: Mapping[str, Any] | None = None
) -> list[Setup]:
    """The systems that are to be written: those `wanted`, else all to which study.yaml gives a `generation`.

    `given` are fields of `Generation` that stand above study.yaml; None leaves one as it is.
    Raises PPAIError, naming the system and the option.
    """
    listed = {system.id: system for system in config.systems}
    ids = [system.id for system in config.systems if system.generation] if wanted is None else list(wanted)
    if not ids:
        raise PPAIError("study.yaml gives no system a generation: name one with --system ID --model MODEL")
    if len(set(ids)) < len(ids):
        raise PPAIError("--system: a system is named twice")
    above = {key: value for key, value in (given or {}).items() if value is not None}
    return [_setup(name, _generation(name, listed.get(name), above), directory) for name in ids]


def _generation(name: str, system: System | None, above: Mapping[str, Any]) -> Generation:
    try:
        System(id=name)
    except ValidationError as error:
        raise PPAIError(f"--system: {explain(error)[0][1]}") from None
    own = system.generation if system is not None else None
    if own is None and "model" not in above:
        raise PPAIError(f"study.yaml says no generation of {name!r}: name a model with --model")
    values = own.model_dump(exclude_none=True) if own is not None else {}
    values |= above
    if values.get("adapter") == NO_ADAPTER:
        del values["adapter"]
    try:
        return Generation.model_validate(values)
    except ValidationError as error:
        path, message = explain(error)[0]
        option = dotted(path).replace("_", "-")
        raise PPAIError(
            f"--{option}: {message}" if path and path[0] in above else f"{name}: {option}: {message}"
        ) from None


def setup_of(system: System, directory: Path) -> Setup:
    """The setup of a system as study.yaml gives it. Raises PPAIError."""
    if system.generation is None:
        raise PPAIError(f"study.yaml says no generation of {system.id!r}")
    return _setup(system.id, system.generation, directory)


def _setup(name: str, generation: Generation, directory: Path) -> Setup:
    system_prompt = read_system_prompt(generation.prompt, directory)
    if generation.base_url is not None:
        generation = generation.model_copy(update={"base_url": checked_url(generation.base_url)})
        return Setup(name, generation, system_prompt, generation.model)
    adapter = generation.adapter and _located(generation.adapter, directory)
    digest = adapter_digest(Path(adapter)) if adapter and Path(adapter).is_dir() else None
    if adapter and digest is None and not _may_be_hub_id(adapter):
        raise PPAIError(f"{name}: adapter: there is no directory {adapter!r}")
    return Setup(name, generation, system_prompt, _located(generation.model, directory), adapter, digest)


def _located(name: str, directory: Path) -> str:
    """The path of what stands in the study's directory under this name, else the name."""
    place = directory / name
    return str(place) if place.exists() else name


def _may_be_hub_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~"))


def adapter_digest(directory: Path) -> str:
    """16 hexadecimal digits of SHA-256 over the adapter's configuration and weights.

    Raises PPAIError where the directory holds no whole adapter.
    """
    digest = hashlib.sha256()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        try:
            with (directory / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except FileNotFoundError:
            raise PPAIError(f"{directory}: holds no adapter: {name} is missing") from None
        except OSError as error:
            raise PPAIError(f"{directory / name}: cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()[:16]


def read_system_prompt(name: str, directory: Path | None = None) -> str:
    """The text of a file of eval/prompts by its name, or of a `*.txt` of the study's directory, stripped.

    Raises PPAIError, naming those that there are.
    """
    known = {path.stem: path for path in sorted(PROMPTS.glob("generate_*.txt"))}
    path = known.get(name)
    if path is None and directory is not None and name.endswith(".txt") and Path(name).name == name:
        path = directory / name
    if path is None or not path.is_file():
        raise PPAIError(f"--prompt: {name!r} is neither one of {', '.join(known)} nor a text file (*.txt) of the study")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PPAIError(f"--prompt: {path.name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(text) > LONGEST_PROMPT:
        raise PPAIError(f"--prompt: {path.name} is longer than {LONGEST_PROMPT:,} characters")
    return text


def found_prompts(prompts: Sequence[Prompt], ids: Sequence[str] | None, limit: int | None) -> list[Prompt]:
    """Of the study's prompts those of the `ids`, in the study's order, and of them the first `limit`.

    Live questions are none of them: they were answered when they were asked. Raises PPAIError for an id that the
    study does not have, and for a prompt without text.
    """
    prompts = [prompt for prompt in prompts if prompt.split != LIVE_SPLIT]
    known = {prompt.id for prompt in prompts}
    for one in ids or ():
        if one not in known:
            raise PPAIError(f"--ids: the study has no prompt {one!r}")
    found = [prompt for prompt in prompts if ids is None or prompt.id in ids][:limit]
    if blank := [prompt.id for prompt in found if not prompt.text.strip()]:
        raise PPAIError(f"prompt {blank[0]!r} has no text: there is nothing to answer; name the others with --ids")
    return found
