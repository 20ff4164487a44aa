"""Time from a click to the results page's answer, over a real connection, with 100,000 votes in the store.

    python benchmarks/results_page.py [--votes 100000]

The votes are drawn at random into a store that is thrown away. Needs the `dev` extra.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
import numpy as np
from rating_load import ROOT, Server, free_port
from sqlalchemy import insert

from ppai.store import tables as t
from ppai.store.sql import SqlStore
from ppai.studyfiles import read_study

RATERS = 1000
FILTERS: Sequence[dict[str, Any]] = ({}, {"raters": "unflagged"}, {"criterion": "clarity"}, {"topic": "Chores"}, {})


def fill(database: str, count: int) -> None:
    """Loads the shipped study and adds `count` votes by `RATERS` raters, each pair at most once a rater."""
    study = read_study(ROOT / "data_to_share")
    store = SqlStore(database)
    store.load(study)
    pairs = list(store.pair_ids(study.name).items())
    rng = np.random.default_rng(7)
    keys, now = study.config.keys, time.time()
    rows = []
    for number in range(count):
        pair_id, pair = pairs[(number // RATERS) % len(pairs)]
        swapped = bool(rng.integers(2))
        rows.append(
            {
                "study_id": 1,
                "vote_id": f"v{number}",
                "pair_id": pair_id,
                "prompt_id": pair.prompt_id,
                "system_a": pair.second if swapped else pair.first,
                "system_b": pair.first if swapped else pair.second,
                "rater": f"r{number % RATERS}",
                "arm": "as_is",
                "repeat": 0,
                "revision": 1 + number // (RATERS * len(pairs)),
                "status": "submitted",
                "outcomes": dict(zip(keys, rng.choice(["a", "b", "tie"], len(keys)).tolist(), strict=True)),
                "seconds": float(rng.gamma(4, 15)),
                "created_at": now - 86400 * 30 * (1 - number / count),
            }
        )
    with store._database.writing() as connection:
        for start in range(0, len(rows), 10_000):
            connection.execute(insert(t.votes), rows[start : start + 10_000])
    store.close()


class Page:
    """The results page of a server, called as a browser calls it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, config: dict[str, Any]) -> None:
        self.session, self.url = session, url
        route = config["page"]["results"]["dependencies"]
        by_event = {d["targets"][0][1]: d["id"] for d in config["dependencies"] if d["id"] in route}
        self.load, self.act = by_event["load"], by_event["act"]

    async def call(self, function: int, payload: dict[str, Any] | None = None) -> tuple[float, dict[str, Any]]:
        body = {"data": [None, None], "fn_index": function, "session_hash": "benchmark", "event_data": payload}
        started = time.perf_counter()
        async with self.session.post(f"{self.url}/gradio_api/run/predict", json=body) as response:
            response.raise_for_status()
            answer = json.loads(await response.read())
        return time.perf_counter() - started, answer["data"][0]


async def measure(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/config") as response:
            page = Page(session, url, await response.json())
        for name, function, request in (
            ("first visit after a start", page.load, None),
            ("next visit", page.load, None),
            *((f"filter {choice}", page.act, {"act": "filter", **choice}) for choice in FILTERS),
        ):
            seconds, view = await page.call(function, request)
            parts = {part for part, _ in view["parts"]}
            if "answers" not in parts:
                raise SystemExit(f"{name}: the page shows {sorted(parts)}")
            print(f"{name:44s} {seconds * 1000:8.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        database = f"sqlite:///{scratch}/results.db"
        fill(database, given.votes)
        port = free_port()
        server = Server([sys.executable, "app.py"], port, {"PPAI_PORT": str(port), "PPAI_DATABASE_URL": database})
        print(f"{given.votes} votes; first page after a cold start: {server.cold_start:.1f} s")
        try:
            asyncio.run(measure(server.url))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
