"""`ppai sft`, `ppai merge` and `ppai chat`: wrong options are one line, and no model library is needed to say so."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def refused(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ppai", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (2, "") and not list(folder.iterdir())
    return done.stderr.rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sft", "--recipe", "nothing"], "--recipe: 'nothing' is neither a file that can be read nor one of "),
        (["sft", "--set", "training.seed"], "smollm2_135m.yaml: --set: 'training.seed' is not of the form"),
        (["sft", "--set", "lora.target_modules=[lm_head]"], "smollm2_135m.yaml: lora.target_modules: "),
        (["sft", "--push-to-hub", "me"], "--push-to-hub: 'me' is no OWNER/NAME"),
        (["merge", "nowhere", "--out", "merged"], "nowhere: there is no such directory"),
        (["chat", "nowhere"], "nowhere: there is no such directory"),
        (["chat", "--both"], "--both: name an adapter beside its base"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], told: str, tmp_path: Path) -> None:
    line = refused(tmp_path, *arguments)
    assert line.startswith(told) and "\n" not in line


@pytest.mark.skipif(importlib.util.find_spec("trl") is not None, reason="TRL is installed")
@pytest.mark.parametrize("arguments", [["sft", "--data", "x.jsonl"], ["chat"]], ids=lambda one: one[0])
def test_without_the_libraries_the_command_that_installs_them_is_told(arguments: list[str], tmp_path: Path) -> None:
    assert refused(tmp_path, *arguments).endswith(" is not installed: pip install 'ppai[train]'")
