"""Studies of a few prompts, written by hand in the tests of the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, count
from typing import Any

import pandas as pd

from ppai.frames import verdict_frame, vote_frame
from ppai.schema import Criterion, Pair, Prompt, Response, Study, StudyConfig, System, Verdict, Vote

ONE_CRITERION = (Criterion(key="overall", question="Which is better?"),)
_numbers = count()
R1, R2, R3 = (f"r{number:016x}" for number in (1, 2, 3))
"""Raters as a store keeps them; a store hashes any other name."""


def small_study(
    prompts: Sequence[str] = ("p1", "p2", "p3"),
    systems: Sequence[str] = ("base", "new"),
    lengths: Mapping[tuple[str, str], int] | None = None,
    topics: Mapping[str, str] | None = None,
    **config: Any,
) -> Study:
    """Every system answers every prompt, with 10 characters unless `lengths[prompt, system]` says otherwise."""
    config = {"name": "small", "criteria": ONE_CRITERION} | config
    return Study(
        config=StudyConfig(systems=tuple(System(id=system) for system in systems), **config),
        prompts=tuple(Prompt(id=p, text=p, topic=(topics or {}).get(p)) for p in prompts),
        responses=tuple(
            Response(prompt_id=p, system=s, text="x" * (lengths or {}).get((p, s), 10))
            for p in prompts
            for s in systems
        ),
        pairs=tuple(Pair(prompt_id=p, first=a, second=b) for p in prompts for a, b in combinations(systems, 2)),
    )


def vote(prompt: str, a: str, b: str, outcome: str | dict[str, str] | None, rater: str = R1, **more: Any) -> Vote:
    """A vote of `outcome` on `overall`, or of several outcomes by criterion; None answers nothing."""
    outcomes: Any = outcome if isinstance(outcome, dict) else {"overall": outcome} if outcome else {}
    return Vote(
        vote_id=f"v{next(_numbers)}",
        prompt_id=prompt,
        system_a=a,
        system_b=b,
        rater=rater,
        outcomes=outcomes,
        **more,
    )


def verdict(prompt: str, a: str, b: str, outcome: str | None, judge: str = "j", **more: Any) -> Verdict:
    """A verdict of `outcome` on `overall`; None is unscored."""
    answer: dict[str, Any] = {"outcomes": {"overall": outcome}} if outcome else {"unscored": "unreadable"}
    return Verdict(judge=judge, prompt_id=prompt, system_a=a, system_b=b, **answer, **more)


def votes_of(study: Study, *votes: Vote) -> pd.DataFrame:
    return vote_frame(votes, study.config.keys)


def verdicts_of(study: Study, *verdicts: Verdict) -> pd.DataFrame:
    return verdict_frame(verdicts, study.config.keys)
