"""What the tests of `ppai generate` share: small studies in both layouts, and the command run to its end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppai import __main__ as command

SECRET = "sk-secret-of-tests"
Ran = Callable[..., str]


def save(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def published(directory: Path, prompts: int = 4, config: str = "") -> Path:
    """Prompts in the published layout, and nothing else but perhaps study.yaml."""
    directory.mkdir()
    texts = [f"Post {n}: one\u2028line, and\x85still one" for n in range(1, prompts + 1)]
    rows = [{"id": n, "text": text, "topic": "sleep"} for n, text in enumerate(texts, start=1)]
    save(directory / "posts_test_samples.jsonl", rows)
    return configured(directory, config)


def target(directory: Path, system: str = "base") -> Path:
    """The system's file of responses of `published`."""
    return directory / f"posts_test_samples_{system}_response.jsonl"


def partial(directory: Path) -> Path:
    """Where finished responses of `base` are kept until all are."""
    return target(directory).with_suffix(".partial")


def general(directory: Path, prompts: int = 4, config: str = "") -> Path:
    directory.mkdir()
    save(directory / "prompts.jsonl", [{"id": f"p{n}", "text": f"Post {n}"} for n in range(1, prompts + 1)])
    return configured(directory, config)


def configured(directory: Path, config: str) -> Path:
    if config:
        (directory / "study.yaml").write_text(config, encoding="utf-8")
    return directory


def running(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str = "generate") -> Ran:
    """Runs the command to its end with the exit code that is expected; what it said, errors last."""
    for name in [name for name in os.environ if name.startswith(("PPAI_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)

    def run(*arguments: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["ppai", verb, *map(str, arguments)])
        capsys.readouterr()
        ended = 0
        try:
            command.main()
        except SystemExit as error:
            ended = int(error.code or 0)
        said = capsys.readouterr()
        assert ended == code, said.out + said.err
        assert SECRET not in said.out + said.err
        if code == command.WRONG_INPUT and not said.out:
            assert said.err.count("\n") == 1
        return said.out + said.err

    return run
