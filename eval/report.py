"""The Summary of a study's votes and verdicts, from frames alone: all that the results page and the report show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from eval.arm import arm_summary
from eval.coded import Coded, of_arms
from eval.gathered import Gathered
from eval.outdated import of_other_texts
from eval.parts import EVERYTHING, Part
from eval.statistics.leaderboard import leaderboard as leaderboard_of
from eval.statistics.ranking import Ranking
from eval.statistics.topics import TopicRates
from eval.statistics.topics import topics as topics_of
from eval.summary import Summary
from ppai.frames import guess_frame
from ppai.schema import Arm, Study

__all__ = ["EVERYTHING", "Part", "Ranking", "Summary", "TopicRates", "leaderboard", "summarise", "topics"]


def summarise(
    study: Study,
    votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    confidence: float = 0.95,
    arms: Collection[str] | None = None,
    assignments: pd.DataFrame | None = None,
    guesses: pd.DataFrame | None = None,
    parts: Collection[str] = EVERYTHING,
) -> Summary:
    """The Summary of `as_is`, with one of each other arm that has votes or verdicts.

    `votes` (all events) and `verdicts` are frames as `ppai.frames` makes them; those of `study` itself are not
    read. `arms` limits the other arms to those named. `assignments`, a frame as `ppai.frames.showings` makes it,
    replaces votes as the showings of `balance`, and its draws say whether people's pairs are a random set, as
    `combined` needs it. `guesses` are the answers to the blinding probe, see `ppai.frames.guess_frame`. `parts` are
    those wanted beside rates, counts, habits and raters; what is not asked for is empty and costs no time. Too little
    data gives intervals without numbers and a reason, never an error. Raises ValueError for a confidence outside
    (0, 1) or an unknown part.
    """
    wanted = frozenset(map(Part, parts))
    live = study.live_arm()
    outdated = of_other_texts(live, verdicts)
    fixed, asked = (
        Coded.of(
            one,
            of_arms(votes, is_live),
            of_arms(verdicts[~outdated], is_live),
            None if assignments is None else of_arms(assignments, is_live),
        )
        for one, is_live in ((study, False), (live, True))
    )
    guessed = guess_frame() if guesses is None else guesses

    def of_arm(arm: str) -> Summary:
        coded = asked if arm == Arm.LIVE.value else fixed
        votes_of_arm, verdicts_of_arm = coded.votes.of_arm(arm), coded.verdicts.of_arm(arm)
        if arm == Arm.PLAIN.value:
            shown = coded.votes.index.flattened(study)
            votes_of_arm, verdicts_of_arm = replace(votes_of_arm, index=shown), replace(verdicts_of_arm, index=shown)
        gathered = Gathered(
            coded.study.config,
            arm,
            votes_of_arm,
            verdicts_of_arm,
            None if coded.assignments is None else coded.assignments.of_arm(arm),
            assignments,
            guessed[(guessed["arm"] == arm).to_numpy()],
            coded.topics,
            confidence,
        )
        return arm_summary(gathered, wanted)

    found = fixed.arms | asked.arms
    others = [arm.value for arm in Arm if arm is not Arm.AS_IS and arm.value in found]
    return replace(
        of_arm(Arm.AS_IS.value),
        n_outside=fixed.n_outside + asked.n_outside,
        n_outdated=int(np.count_nonzero(outdated)),
        arms={arm: of_arm(arm) for arm in others if arms is None or arm in arms},
    )


def topics(
    study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, *, arm: str = Arm.AS_IS.value
) -> tuple[TopicRates, ...]:
    """One criterion's rates by topic as a Summary has them, see `eval.statistics.topics`; frames as `summarise` has."""
    study = study.live_arm() if arm == Arm.LIVE.value else study
    return topics_of(study, votes, verdicts[~of_other_texts(study, verdicts)], criterion, arm=arm)


def leaderboard(
    study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, *, arm: str = Arm.AS_IS.value
) -> Mapping[str, Ranking]:
    """One criterion's strengths as a Summary has them, see `eval.statistics.leaderboard`; frames as `summarise` has."""
    study = study.live_arm() if arm == Arm.LIVE.value else study
    return leaderboard_of(study, votes, verdicts[~of_other_texts(study, verdicts)], criterion, arm=arm)
