"""Strengths, whose bootstrap takes longest, are made once: the pages take them from a Summary that is there already."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from small_studies import small_study, verdicts_of, vote, votes_of

from eval import report as statistics
from ppai.schema import Arm, Criterion, FormatMode
from ppai.static_report.arms import ArmReport, arm_reports
from ppai.ui.report import Data

SYSTEMS = ("base", "one", "two")
CRITERIA = (Criterion(key="tone", question="?"), Criterion(key="overall", question="?"))


def two_arms() -> Data:
    rng, prompts = np.random.default_rng(0), [f"p{n}" for n in range(10)]
    study = small_study(prompts, SYSTEMS, criteria=CRITERIA, format=FormatMode.BOTH)
    votes = [
        vote(p, a, b, {"tone": "ab"[rng.integers(2)], "overall": "ab"[rng.integers(2)]}, arm=arm)
        for arm in (Arm.AS_IS, Arm.PLAIN)
        for p in prompts
        for a, b in combinations(SYSTEMS, 2)
    ]
    return Data(study, votes_of(study, *votes), verdicts_of(study))


def leaderboards(found: list[ArmReport]) -> list[object]:
    return [
        (one.arm, section, one.others["leaderboard"], one.report.ranks)
        for one in found
        for section in one.report.sections
        if section.name == "leaderboard"
    ]


def test_the_static_page_takes_them_from_the_summary() -> None:
    data = two_arms()
    whole = statistics.summarise(data.study, data.votes, data.verdicts).as_json()
    without = SimpleNamespace(summarise=statistics.summarise, topics=statistics.topics)
    taken = leaderboards(arm_reports(data, without, None, whole))
    assert len(taken) == 2
    assert taken == leaderboards(arm_reports(data, statistics))
    with pytest.raises(AttributeError, match="leaderboard"):
        arm_reports(data, without)
