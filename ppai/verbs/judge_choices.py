"""What `ppai judge` is told on its command line, read and checked before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ppai.errors import PPAIError

if TYPE_CHECKING:
    from eval.judges.base import Judge

DEFAULT_JUDGE = "openai:gpt-4o"
LONGEST_NAME = 200


def chosen_specs(spec: str | None, panel: str | None, name: str | None, prompt: Path | None) -> list[str]:
    """The judges that are named. Raises PPAIError where they, their name or their prompt do not go together."""
    if panel is None:
        specs = [DEFAULT_JUDGE if spec is None else spec]
    elif spec is not None:
        raise PPAIError("give either --judge or --panel")
    else:
        specs = _parts(panel)
    if not specs:
        raise PPAIError("--panel names no judge")
    if name is not None and len(specs) > 1:
        raise PPAIError("--name is the name of one judge, and --panel names several")
    if name is not None and not name.strip():
        raise PPAIError("--name is empty")
    if prompt is not None and all(one.strip().startswith("baseline:") for one in specs):
        raise PPAIError("--prompt: a baseline reads nothing, and takes no prompt")
    return specs


def listed(option: str, text: str | None) -> list[str] | None:
    """What stands between commas; None where nothing was given. Raises PPAIError for an empty list."""
    return None if text is None else _some(option, _parts(text))


def prompt_ids(text: str | None) -> list[str] | None:
    """Ids by commas, or the lines of `@FILE`; None where nothing was given. Raises PPAIError for an empty list."""
    if text is None or not text.startswith("@"):
        return listed("--prompts", text)
    try:
        lines = Path(text[1:]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PPAIError(f"--prompts: {text[1:]} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return _some(f"--prompts: {text[1:]}", [line.strip() for line in lines if line.strip()])


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _some(option: str, names: list[str]) -> list[str]:
    if not names:
        raise PPAIError(f"{option} names nothing")
    return names


def check_numbers(timeout: float, max_output_tokens: int | None) -> None:
    """Raises PPAIError where nothing could be answered so."""
    if not 0 < timeout < float("inf"):
        raise PPAIError(f"--timeout must be above 0, not {timeout:g}")
    if max_output_tokens is not None and max_output_tokens < 1:
        raise PPAIError(f"--max-output-tokens must be at least 1, not {max_output_tokens}")


def check_names(judges: Sequence[Judge]) -> None:
    """Raises PPAIError where verdicts could not be told apart by the judges' names, or a name cannot stand in one."""
    names = [one.name for one in judges]
    for name in names:
        if names.count(name) > 1:
            raise PPAIError(f"--panel: {name} stands twice")
        if not name.isprintable():
            raise PPAIError(f"--name: {name[:40]!r} holds a line break or another character that cannot be shown")
        if len(name) > LONGEST_NAME:
            raise PPAIError(f"--name: the name of a judge has at most {LONGEST_NAME} characters: {name[:40]}...")
