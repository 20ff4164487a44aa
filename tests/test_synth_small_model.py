"""`ppai synth` with a real model that is too small for it: its output is rejected with reasons, nothing is invented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import ROOT
from test_transformers_serve import Server
from test_transformers_serve import server as served

pytestmark = pytest.mark.slow
server = served
"""The same fixture: `transformers serve` with SmolLM2."""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    yield {name: value for name, value in os.environ.items() if not name.startswith(("PPAI_", "OPENAI_"))}


def test_a_weak_model_ends_in_an_honest_nothing(server: Server, tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "topics.txt").write_text("Sleep regressions\n")
    out = tmp_path / "pairs.jsonl"
    given = ["--topics", tmp_path / "topics.txt", "--n", 1, "--out", out, "--attempts", 2, "--concurrency", 2]
    given += ["--base-url", server.url, "--model", server.model, "--timeout", 250]
    # Short limits keep the run short: they also bound the tokens that are asked for.
    given += ["--post-words", "10-20", "--reply-words", "20-30"]
    done = subprocess.run(
        [sys.executable, "-m", "ppai", "synth", *map(str, given)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=580,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert not out.exists() and "Traceback" not in done.stderr
    counted = re.search(r"^2 outputs: 0 pairs taken, 2 rejected$", done.stdout, re.M)
    assert counted, done.stdout
    reasons = re.findall(r"^ +(\d+)  (\S.*)$", done.stdout, re.M)
    assert sum(int(count) for count, _ in reasons) == 2, done.stdout
    assert "1 of 1 pairs could not be used in 2 attempts" in done.stderr
    assert len(out.with_suffix(".partial").read_text("utf-8").splitlines()) == 2, "what was asked is kept"
