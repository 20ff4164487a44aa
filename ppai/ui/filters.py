"""Which votes and verdicts a results page is made of: by topic, by raters and by arm. Pure functions of frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd

from ppai.schema import Arm, Study
from ppai.ui.labels import Labels, Matchup

ALL = "all"
UNFLAGGED = "unflagged"


@dataclass(frozen=True)
class Choices:
    """What can be chosen in one study, as it stands."""

    topics: tuple[str, ...]
    arms: tuple[str, ...]
    criteria: tuple[str, ...]
    matchups: tuple[Matchup, ...]

    @classmethod
    def of(cls, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame) -> Self:
        labels = Labels.of(study.config)
        reference = study.config.reference_id if study.config.systems else ""
        found = {*votes["arm"].unique(), *verdicts["arm"].unique(), *(arm.value for arm in study.config.format.arms)}
        others = [system for system in study.config.system_ids if system != reference]
        return cls(
            topics=tuple(dict.fromkeys(prompt.topic for prompt in study.prompts if prompt.topic)),
            arms=tuple(arm.value for arm in Arm if arm.value in found),
            criteria=study.config.keys,
            matchups=tuple(labels.matchups(f"{system}>{reference}" for system in others)),
        )


@dataclass(frozen=True)
class Filters:
    """One state of the page's controls."""

    topic: str | None = None
    raters: str = ALL
    arm: str = Arm.AS_IS.value
    criterion: str = ""
    """Shown where a chart has room for one criterion."""
    matchup: str = ""
    """Shown where a chart has room for one pair of systems, as a Summary's `x>y`."""

    @classmethod
    def read(cls, request: object, choices: Choices, primary: str) -> Self:
        """From what a browser sent; whatever is not one of the choices falls back to the default."""
        given = request if isinstance(request, Mapping) else {}

        def one_of(name: str, known: Collection[str], default: Any) -> Any:
            value = given.get(name)
            return value if isinstance(value, str) and value in known else default

        keys = [matchup.key for matchup in choices.matchups]
        return cls(
            topic=one_of("topic", choices.topics, None),
            raters=one_of("raters", (ALL, UNFLAGGED), ALL),
            arm=one_of("arm", choices.arms, choices.arms[0] if choices.arms else Arm.AS_IS.value),
            criterion=one_of("criterion", choices.criteria, primary),
            matchup=one_of("matchup", keys, keys[0] if keys else ""),
        )


def of_arm(frame: pd.DataFrame, arm: str) -> pd.DataFrame:
    return frame[(frame["arm"] == arm).to_numpy()]


def of_topic(frame: pd.DataFrame, study: Study, topic: str | None) -> pd.DataFrame:
    """The rows on prompts of a topic; all rows for None."""
    if topic is None:
        return frame
    prompts = {prompt.id for prompt in study.prompts if prompt.topic == topic}
    return frame[frame["prompt_id"].isin(prompts).to_numpy()]


def flagged_raters(summary: Mapping[str, Any]) -> frozenset[str]:
    """The raters of a Summary whom figures without flagged raters leave out: not those who only disagree."""
    return frozenset(rater for rater, habits in summary["balance"]["raters"].items() if habits["left_out"])


def without_raters(votes: pd.DataFrame, raters: Collection[str]) -> pd.DataFrame:
    return votes[~votes["rater"].isin(list(raters)).to_numpy()] if raters else votes
