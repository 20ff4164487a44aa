"""The published verdicts, replayed by a server through the command in both orders, come back exactly; a habit of
naming the first response is exposed, and the merged shares do not inherit it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openai_replies import Reply, outcomes
from openai_server import Asked, ScriptedServer
from shown_pairs import ShownPairs

from ppai.schema import Study
from ppai.studyfiles import read_study

ROOT = Path(__file__).parents[1]
PUBLISHED = {
    "helpfulness": (0.90, 0.10, 0.00),
    "empathy_tone": (0.30, 0.70, 0.00),
    "creativity": (0.47, 0.48, 0.05),
    "clarity": (0.90, 0.10, 0.00),
    "relatability": (0.02, 0.98, 0.00),
    "adoptability": (0.72, 0.28, 0.00),
    "overall": (0.72, 0.28, 0.00),
}
"""Shares of base, finetuned and ties in the published verdicts."""
HABIT = 4
"""In one pair of so many the judge names whichever response is shown first, or second."""


class Replay:
    """Answers with the winner of the published verdict, wherever it stands; None stands for a tie."""

    def __init__(self, study: Study, habit: str | None = None) -> None:
        self._pairs = ShownPairs(study)
        self._habit = habit
        self.winners = {
            verdict.prompt_id: {
                key: {"a": verdict.system_a, "b": verdict.system_b}.get(outcome)
                for key, outcome in verdict.outcomes.items()
            }
            for verdict in study.verdicts
        }
        self.habitual = set(sorted(self.winners)[::HABIT]) if habit else set()

    def __call__(self, asked: Asked) -> Reply:
        shown = self._pairs.find(asked)
        if self._habit and shown.prompt_id in self.habitual:
            return outcomes(dict.fromkeys(asked.criteria, self._habit))
        names = {shown.first: "Response 1", shown.second: "Response 2", None: "Tie"}
        return outcomes({key: names[winner] for key, winner in self.winners[shown.prompt_id].items()})

    def shares(self, key: str, system: str | None) -> float:
        """Of all pairs, those that `system` wins (or, for None, that tie), without those of the habit."""
        kept = [winners[key] for prompt, winners in self.winners.items() if prompt not in self.habitual]
        return kept.count(system) / len(self.winners)


def ppai(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ppai", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OPENAI_API_KEY": "sk-none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def judged(study: Path, replay: Replay, *options: str, name: str = "replay") -> tuple[Mapping[str, Any], int]:
    """The report after a run of the command, and how many requests the server had."""
    with ScriptedServer(replay) as server:
        ppai("judge", study, "--judge", "openai:gpt-4o", "--name", name, "--base-url", server.url, *options)
    return json.loads(ppai("report", study, "--json", "-")), len(server.asked)


def source(report: Mapping[str, Any], key: str, name: str = "replay") -> Mapping[str, Any]:
    return report["criteria"][key][f"judge:{name}"]


def agreement(report: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return report["agreement"][key]["judge:replay"]


def shares(of: Mapping[str, Any]) -> tuple[float, float, float]:
    return (of["shares"]["base"]["estimate"], of["shares"]["finetuned"]["estimate"], of["tie_share"]["estimate"])


@pytest.fixture
def study(published_study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published_study, tmp_path / "study"))


@pytest.fixture
def read(published_study: Path) -> Study:
    return read_study(published_study)


def test_the_published_shares_come_back_exactly(study: Path, read: Study) -> None:
    report, requests = judged(study, Replay(read))
    assert requests == 200
    for key, expected in PUBLISHED.items():
        found = source(report, key)
        assert shares(found) == pytest.approx(expected, abs=1e-12)
        assert (found["n"], found["n_verdicts"], found["n_unscored"], found["n_one_order"]) == (100, 200, 0, 0)
        assert found["win_rate"]["finetuned>base"]["estimate"] == pytest.approx(expected[1] + expected[2] / 2)
        assert found["first_position"]["estimate"] == pytest.approx(0.5), "each winner stood first once"
        assert agreement(report, key)["orders_consistent"]["estimate"] == 1
        assert shares(source(report, key, "gpt-4o")) == pytest.approx(expected), "the published judge stays"


def test_a_first_position_habit_is_exposed_and_the_merged_shares_do_not_inherit_it(study: Path, read: Study) -> None:
    """In 25 pairs of 100 the first shown is named twice: those orders conflict, and count for neither system."""
    replay = Replay(read, habit="Response 1")
    report, _ = judged(study, replay)
    for key in PUBLISHED:
        found, trust = source(report, key), agreement(report, key)
        base, tuned, tied = (replay.shares(key, system) for system in ("base", "finetuned", None))
        assert trust["orders_consistent"]["estimate"] == pytest.approx(1 - len(replay.habitual) / 100)
        assert trust["flips_to_first"]["estimate"] == 1, "every conflict named the first shown twice"
        first, decisive = 25 * 2 + 100 * (base + tuned), 25 * 2 + 200 * (base + tuned)
        assert found["first_position"]["estimate"] == pytest.approx(first / decisive)
        assert found["first_position"]["low"] > 0.5, "the interval leaves chance out"
        assert shares(found) == pytest.approx((base, tuned, tied + 0.25)), (
            "what the judge itself preferred, and no more"
        )
        assert found["win_rate"]["finetuned>base"]["estimate"] == pytest.approx(tuned + (tied + 0.25) / 2)


def test_merged_shares_are_the_same_whichever_place_the_habit_favours(study: Path, read: Study, tmp_path: Path) -> None:
    """Were anything of the habit left in the merged figures, the opposite habit would move them the other way."""
    other = Path(shutil.copytree(study, tmp_path / "other"))
    first, _ = judged(study, Replay(read, habit="Response 1"))
    second, _ = judged(other, Replay(read, habit="Response 2"))
    for key in PUBLISHED:
        for figure in ("shares", "tie_share", "win_rate"):
            assert source(first, key)[figure] == source(second, key)[figure]
        assert agreement(second, key)["flips_to_first"]["estimate"] == 0
        assert source(second, key)["first_position"]["high"] < 0.5


def test_in_one_order_alone_the_shares_inherit_the_habit_and_the_report_says_nothing_is_known(
    study: Path, read: Study
) -> None:
    replay = Replay(read, habit="Response 1")
    report, requests = judged(study, replay, "--order", "first")
    assert requests == 100
    for key in PUBLISHED:
        found = source(report, key)
        assert found["shares"]["base"]["estimate"] == pytest.approx(replay.shares(key, "base") + 0.25)
        assert found["first_position"]["estimate"] is None
        assert found["first_position"]["reason"]
