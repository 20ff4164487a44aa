"""What `ppai judge` costs beside the model: wall time at a latency of 1 s, and CPU and memory over 10,000 requests.

    python benchmarks/judging.py [--requests 10000] [--repeats 2]

The server is a process of its own on the same machine, answers every request the same, and counts. The bare loop
sends the very same bodies through the openai client and does nothing else; the two take turns, and the better of each
one's runs counts. Needs the `dev` extra and a machine that does little else.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from ppai.schema import Pair, Prompt, Response, Study
from ppai.studyfiles import read_study, write_general

ROOT = Path(__file__).parents[1]
CONCURRENCY = 16
SLOW_PAIRS, SLOW_LATENCY = 100, 1.0
FAST_LATENCY = 0.02
SAMPLE_SECONDS = 0.25
LIMIT_IDEAL, LIMIT_BARE, LIMIT_CPU_MS, LIMIT_GROWTH_MIB = 1.2, 1.3, 3.0, 20.0


@contextlib.contextmanager
def served(latency: float) -> Iterator[str]:
    """The scripted server in its own process; its URL."""
    command = [sys.executable, str(ROOT / "tests" / "openai_server.py"), "--latency", str(latency)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait(10)


def widened(pairs: int) -> Study:
    """The shipped study, its pairs repeated under new ids until there are so many; every text differs a little."""
    shipped = read_study(ROOT / "data_to_share")
    texts = {(response.prompt_id, response.system): response.text for response in shipped.responses}
    prompts, responses, wanted = [], [], []
    for number in range(pairs):
        source = shipped.pairs[number % len(shipped.pairs)]
        post = next(prompt for prompt in shipped.prompts if prompt.id == source.prompt_id)
        prompts.append(Prompt(id=f"p{number}", text=f"{post.text} ({number})"))
        for system in (source.first, source.second):
            responses.append(Response(prompt_id=f"p{number}", system=system, text=texts[source.prompt_id, system]))
        wanted.append(Pair(prompt_id=f"p{number}", first=source.first, second=source.second))
    parts = {"prompts": tuple(prompts), "responses": tuple(responses), "pairs": tuple(wanted)}
    return shipped.model_copy(update=parts | {"votes": (), "verdicts": (), "assignments": ()})


@dataclass(frozen=True)
class Took:
    """What one process took from its start to its end."""

    wall: float
    cpu: float
    """Seconds of user and system time, of the process alone."""
    memory: tuple[float, ...]
    """Resident, in MiB, sampled while it ran."""
    span: float | None = None
    """Seconds from the first request to the last answer, by the server's clock."""

    @property
    def growth(self) -> float:
        """MiB from the mean of the run's second quarter to that of its last."""
        quarter = max(1, len(self.memory) // 4)
        early, late = self.memory[quarter : 2 * quarter] or self.memory, self.memory[-quarter:]
        return sum(late) / len(late) - sum(early) / len(early)


def run(*arguments: str) -> Took:
    """Runs a Python process to its end; stops with its words where it fails."""
    with tempfile.TemporaryFile("w+") as words:
        environment = os.environ | {"OPENAI_API_KEY": "sk-none"}
        started = time.perf_counter()
        process = psutil.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=words, stderr=subprocess.STDOUT
        )
        memory, cpu = _watched(process)
        wall = time.perf_counter() - started
        if process.returncode:
            words.seek(0)
            raise SystemExit(words.read()[-2000:])
    return Took(wall, cpu, tuple(memory))


def _watched(process: psutil.Popen) -> tuple[list[float], float]:
    """Memory every quarter of a second, and the CPU time as the kernel counted it when the process had ended."""
    memory: list[float] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            with contextlib.suppress(psutil.Error):
                memory.append(process.memory_info().rss / 2**20)

    before = os.times()
    watcher = threading.Thread(target=sample)
    watcher.start()
    process.wait()
    ended.set()
    watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return memory or [0.0], cpu


def judge(study: Study, url: str) -> Took:
    with tempfile.TemporaryDirectory() as directory:
        write_general(study, Path(directory))
        took = run(
            *("-m", "ppai", "judge", directory, "--judge", "openai:gpt-4o", "--base-url", url),
            *("--concurrency", str(CONCURRENCY)),
        )
        written = sum(1 for _ in (Path(directory) / "verdicts.jsonl").open())
    counts = httpx.get(url.removesuffix("/v1") + "/counts").json()
    expected = 2 * len(study.pairs)
    if (written, counts["asked"], counts["answered_again"]) != (expected, expected, 0):
        raise SystemExit(f"{expected} items, {written} verdicts, the server says {counts}")
    return replace(took, span=counts["span"])


def bare(url: str, bodies: Path) -> Took:
    return run(str(Path(__file__)), "--bare", url, str(bodies))


async def bare_loop(url: str, file: Path) -> None:
    """The openai client alone: `CONCURRENCY` workers send each body in turn and read the answer."""
    from openai import AsyncOpenAI

    lines = iter(file.read_bytes().splitlines())
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def work() -> None:
            for line in lines:
                body = json.loads(line)
                # OpenAI's own has no seed here, other servers have.
                unnamed = {key: body.pop(key) for key in ("seed",) if key in body}
                made = await client.responses.create(**body, extra_body=unnamed)
                assert made.output_text

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


def recorded(url: str) -> list[dict[str, Any]]:
    """The bodies that the server was sent."""
    return list(httpx.get(url.removesuffix("/v1") + "/bodies", timeout=60).json())


def row(name: str, requests: int, took: Took) -> str:
    each, asking = took.cpu / requests * 1000, f"{took.span:8.2f}" if took.span else f"{'':8s}"
    memory = f"{max(took.memory):8.0f} {took.growth:+8.1f}"
    return f"{name:34s} {requests:7d} {took.wall:8.2f} {asking} {each:9.2f} {memory}"


def verdict(words: str, figure: float, limit: float) -> bool:
    good = figure <= limit
    print(f"{'ok ' if good else 'NO '} {words}: {figure:.2f}, at most {limit:g}")
    return good


def fast(requests: int, repeats: int) -> tuple[list[Took], list[Took]]:
    """The command and the bare loop in turn, on fresh servers."""
    judged, alone = [], []
    study = widened(requests // 2)
    with tempfile.TemporaryDirectory() as scratch:
        bodies = Path(scratch) / "bodies.jsonl"
        for _ in range(repeats):
            with served(FAST_LATENCY) as url:
                judged.append(judge(study, url))
                bodies.write_text("".join(json.dumps(body) + "\n" for body in recorded(url)))
            print(row(f"ppai judge, latency {FAST_LATENCY:g} s", requests, judged[-1]), flush=True)
            with served(FAST_LATENCY) as url:
                alone.append(bare(url, bodies))
            print(row("openai client in a bare loop", requests, alone[-1]), flush=True)
    return judged, alone


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--bare", nargs=2, metavar=("URL", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        asyncio.run(bare_loop(given.bare[0], Path(given.bare[1])))
        return 0
    print("wall: whole processes, start to end; asking: from the first request to the last answer; CPU in milliseconds")
    print(f"a request, memory in MiB; load of the machine before: {os.getloadavg()[0]:.1f}")
    print(f"{'':34s} {'n':>7s} {'wall s':>8s} {'asking s':>8s} {'CPU ms':>9s} {'peak':>8s} {'growth':>8s}")
    with served(SLOW_LATENCY) as url:
        slow = judge(widened(SLOW_PAIRS), url)
    print(row(f"ppai judge, latency {SLOW_LATENCY:g} s", 2 * SLOW_PAIRS, slow), flush=True)
    judged, alone = fast(given.requests, given.repeats)
    ideal = 2 * SLOW_PAIRS * SLOW_LATENCY / CONCURRENCY
    wall = min(one.wall for one in judged) / min(one.wall for one in alone)
    checks = [
        verdict(f"wall of the slow run over the ideal {ideal:g} s", slow.wall / ideal, LIMIT_IDEAL),
        verdict("wall of the fast run over the bare loop's", wall, LIMIT_BARE),
        verdict("CPU a request, ms", min(one.cpu for one in judged) / given.requests * 1000, LIMIT_CPU_MS),
        verdict("growth of memory, MiB", max(one.growth for one in judged), LIMIT_GROWTH_MIB),
    ]
    return 0 if all(checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
