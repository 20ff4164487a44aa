"""Judges: one small interface, one file each, opened by their specs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.judges.base import Judge
from ppai.errors import PPAIError
from ppai.schema import StudyConfig

DEFAULT_SPEC = "openai:gpt-4o"
_FORMS = "openai:MODEL, local:FOLDER_OR_MODEL or baseline:longest|shortest|first|random"


def open_judge(
    spec: str,
    config: StudyConfig,
    *,
    name: str | None = None,
    base_url: str | None = None,
    prompt: Path | None = None,
    prices: Path | None = None,
    timeout: float | None = None,
    max_retries: int = 6,
    max_output_tokens: int | None = None,
) -> Judge:
    """The judge that `spec` names, for the study of `config`; nothing is asked yet.

    `base_url` (else OPENAI_BASE_URL), `timeout` (seconds for each attempt) and what follows serve `openai:` judges.
    `prompt` is a file in place of this package's prompt, `prices` one beside its table. Raises PPAIError in one line
    for whatever of it is wrong.
    """
    from eval.judges.prompting import PromptFault

    given = {"base_url": base_url, "prices": prices, "timeout": timeout, "max_retries": max_retries}
    try:
        return _opened(spec, config, name, prompt, given | {"max_output_tokens": max_output_tokens})
    except PromptFault as fault:
        where = str(fault) if prompt is None else f"--prompt {prompt}: {fault.what}"
        raise PPAIError(f"{spec.strip()}: {where}") from None


def _opened(
    spec: str, config: StudyConfig, name: str | None, prompt: Path | None, of_server: Mapping[str, Any]
) -> Judge:
    kind, _, what = spec.strip().partition(":")
    if not what.strip():
        raise PPAIError(f"--judge: {spec!r} is not {_FORMS}")
    if kind == "baseline":
        from eval.judges.baseline import BaselineJudge

        return BaselineJudge(what, name)
    if kind == "local":
        from eval.judges.local import LocalJudge
        from eval.judges.prompting import read_text

        text = None if prompt is None else read_text(prompt)
        return LocalJudge(name=name, model=what, criteria=config.criteria, prompt_text=text)
    if kind == "openai":
        from eval.judges.openai import open_openai

        return open_openai(what, config, name=name, prompt=prompt, **of_server)
    raise PPAIError(f"--judge: {spec!r} is not {_FORMS}")
