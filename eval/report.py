"""The Summary of a study's votes and verdicts, from frames alone: all that the results page and the report show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from eval.arm import arm_summary
from eval.gathered import Gathered
from eval.outdated import of_other_texts
from eval.parts import EVERYTHING, Part
from eval.statistics.coding import code_assignments, code_verdicts, code_votes
from eval.statistics.leaderboard import leaderboard as leaderboard_of
from eval.statistics.ranking import Ranking
from eval.statistics.study_index import StudyIndex
from eval.statistics.topics import TopicRates, Topics
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
    index, keys, known = StudyIndex.of(study), study.config.keys, Topics.of(study)
    voted, votes_outside = code_votes(index, votes, keys)
    outdated = of_other_texts(study, verdicts)
    judged, verdicts_outside = code_verdicts(index, verdicts[~outdated], keys)
    given = None if assignments is None else code_assignments(index, assignments)
    guessed = guess_frame() if guesses is None else guesses

    def of_arm(arm: str) -> Summary:
        votes_of_arm, verdicts_of_arm = voted.of_arm(arm), judged.of_arm(arm)
        if arm == Arm.PLAIN.value:
            shown = index.flattened(study)
            votes_of_arm, verdicts_of_arm = replace(votes_of_arm, index=shown), replace(verdicts_of_arm, index=shown)
        gathered = Gathered(
            study.config,
            arm,
            votes_of_arm,
            verdicts_of_arm,
            None if given is None else given.of_arm(arm),
            assignments,
            guessed[(guessed["arm"] == arm).to_numpy()],
            known,
            confidence,
        )
        return arm_summary(gathered, wanted)

    found = set(voted.arms_present()) | set(judged.arms_present())
    others = [arm.value for arm in Arm if arm is not Arm.AS_IS and arm.value in found]
    return replace(
        of_arm(Arm.AS_IS.value),
        n_outside=votes_outside + verdicts_outside,
        n_outdated=int(np.count_nonzero(outdated)),
        arms={arm: of_arm(arm) for arm in others if arms is None or arm in arms},
    )


def topics(
    study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, *, arm: str = Arm.AS_IS.value
) -> tuple[TopicRates, ...]:
    """One criterion's rates by topic as a Summary has them, see `eval.statistics.topics`; frames as `summarise` has."""
    return topics_of(study, votes, verdicts[~of_other_texts(study, verdicts)], criterion, arm=arm)


def leaderboard(
    study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, *, arm: str = Arm.AS_IS.value
) -> Mapping[str, Ranking]:
    """One criterion's strengths as a Summary has them, see `eval.statistics.leaderboard`; frames as `summarise` has."""
    return leaderboard_of(study, votes, verdicts[~of_other_texts(study, verdicts)], criterion, arm=arm)
