"""The Summary of a study: everything that the results page and the report show, from frames alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from eval.statistics.balance import Balance, balance
from eval.statistics.coding import (
    Rows,
    StudyIndex,
    VerdictRows,
    VoteRows,
    code_assignments,
    code_verdicts,
    code_votes,
)
from eval.statistics.combined import NOT_RANDOM, CombinedRates, combined_rates
from eval.statistics.human_agreement import HumanAgreement, human_agreement
from eval.statistics.judge_agreement import JudgeAgreement, judge_agreement
from eval.statistics.pair_counts import PairCounts
from eval.statistics.pairs import voted_pairs
from eval.statistics.repeats import repeated
from eval.statistics.sampling import chosen_judge, drawn_at_random
from eval.statistics.source import Source, counted, human_source, judge_source
from eval.statistics.topics import TopicRates, topics
from ppai.digest import texts_digest
from ppai.plain import flatten
from ppai.schema import Arm, Sides, Study, StudyConfig

__all__ = ["Summary", "TopicRates", "summarise", "topics"]

HUMAN = "human"
HUMAN_HUMAN = "human_human"


@dataclass(frozen=True)
class Summary:
    """One arm's figures, and at the top level those of the other arms; arms are never pooled."""

    study: str
    confidence: float
    arm: str
    systems: tuple[str, ...]
    reference: str | None
    criteria: Mapping[str, Mapping[str, Source]]
    """By criterion, then `human` and `judge:<judge>`."""
    agreement: Mapping[str, Mapping[str, HumanAgreement | JudgeAgreement]]
    """By criterion, then `human_human` and `judge:<judge>`."""
    balance: Balance
    n_outside: int = 0
    """Votes and verdicts, of all arms, on prompts or systems that the study no longer has; in no other figure."""
    n_outdated: int = 0
    """Verdicts, of all arms, on texts that the study has changed since; in no other figure."""
    arms: Mapping[str, Summary] = field(default_factory=dict)
    combined: Mapping[str, Mapping[str, CombinedRates]] = field(default_factory=dict)
    """By criterion, then `combined:<judge>`, where people voted: their win rates and a judge's in one."""
    clusters: str = "prompt"

    def _sources(self, key: str) -> dict[str, Source | CombinedRates]:
        return {**self.criteria[key], **self.combined.get(key, {})}

    def as_json(self) -> dict[str, Any]:
        """The contract's summary: plain dicts, lists, strings, finite numbers and nulls."""
        return {
            "study": self.study,
            "confidence": self.confidence,
            "clusters": self.clusters,
            "arm": self.arm,
            "systems": list(self.systems),
            "reference": self.reference,
            "n_outside": self.n_outside,
            "n_outdated": self.n_outdated,
            "criteria": {
                key: {name: source.as_json() for name, source in self._sources(key).items()} for key in self.criteria
            },
            "agreement": {
                key: {name: found.as_json() for name, found in sources.items()}
                for key, sources in self.agreement.items()
            },
            "balance": self.balance.as_json(),
            "arms": {arm: summary.as_json() for arm, summary in self.arms.items()},
        }


def summarise(
    study: Study,
    votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    confidence: float = 0.95,
    arms: Collection[str] | None = None,
    assignments: pd.DataFrame | None = None,
    bradley_terry: bool = True,
) -> Summary:
    """The Summary of `as_is`, with one of each other arm that has votes or verdicts.

    `votes` (all events) and `verdicts` are frames as `ppai.frames` makes them; those of `study` itself are not
    read. `arms` limits the other arms to those named. `assignments`, a frame as `ppai.frames.showings` makes it,
    replaces votes as the showings of `balance`, and its draws say whether people's pairs are a random set, as
    `combined` needs it. `bradley_terry` is False where an answer is wanted at once: strengths of three systems and
    more are resampled (`eval.statistics.leaderboard` has those of one criterion). Too little data gives intervals
    without numbers and a reason, never an error. Raises ValueError for a confidence outside (0, 1).
    """
    index = StudyIndex.of(study)
    keys = study.config.keys
    voted, votes_outside = code_votes(index, votes, keys)
    outdated = of_other_texts(study, verdicts)
    judged, verdicts_outside = code_verdicts(index, verdicts[~outdated], keys)
    given = None if assignments is None else code_assignments(index, assignments)

    def of_arm(arm: str) -> Summary:
        showings = None if given is None else given.of_arm(arm)
        votes_of_arm, verdicts_of_arm = voted.of_arm(arm), judged.of_arm(arm)
        if arm == Arm.PLAIN.value:
            shown = index.flattened(study)
            votes_of_arm, verdicts_of_arm = replace(votes_of_arm, index=shown), replace(verdicts_of_arm, index=shown)
        random = drawn_at_random(study.config, votes_of_arm, assignments)
        return _arm(study.config, votes_of_arm, verdicts_of_arm, showings, arm, confidence, random, bradley_terry)

    found = set(voted.arms_present()) | set(judged.arms_present())
    others = [arm.value for arm in Arm if arm is not Arm.AS_IS and arm.value in found]
    return replace(
        of_arm(Arm.AS_IS.value),
        n_outside=votes_outside + verdicts_outside,
        n_outdated=int(np.count_nonzero(outdated)),
        arms={arm: of_arm(arm) for arm in others if arms is None or arm in arms},
    )


def of_other_texts(study: Study, verdicts: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which verdicts were given on other texts than the study has now, shape (verdicts,); not those that do not say."""
    posts = {prompt.id: prompt.text for prompt in study.prompts}
    responses = {(response.prompt_id, response.system): response.text for response in study.responses}
    known: dict[tuple[str, ...], str | None] = {}

    def now(prompt: str, first: str, second: str, arm: str) -> str | None:
        post, one, two = posts.get(prompt), responses.get((prompt, first)), responses.get((prompt, second))
        if post is None or one is None or two is None:
            return None
        return texts_digest(post, *(map(flatten, (one, two)) if arm == Arm.PLAIN.value else (one, two)))

    outdated = np.zeros(len(verdicts), dtype=bool)
    said = verdicts["texts"].notna().to_numpy()
    columns = (verdicts[name][said] for name in ("prompt_id", "system_a", "system_b", "arm", "texts"))
    for place, (*key, texts) in zip(np.flatnonzero(said), zip(*columns, strict=True), strict=True):
        pair = tuple(map(str, key))
        if pair not in known:
            known[pair] = now(*pair)
        outdated[place] = known[pair] is not None and known[pair] != texts
    return outdated


def _arm(
    config: StudyConfig,
    voted: VoteRows,
    judged: VerdictRows,
    showings: Rows | None,
    arm: str,
    confidence: float,
    random: bool,
    bradley_terry: bool,
) -> Summary:
    sides_known = config.sides is Sides.SHOWN
    answers = counted(voted)
    again, first = repeated(voted)
    repeats = voted.take(again), voted.take(first)
    by_judge = {
        f"judge:{judge}": rows
        for code, judge in enumerate(judged.names)
        if len(rows := judged.take(judged.who == code))
    }
    refusals = _refusals(config, judged, random) if len(answers) else {}
    criteria: dict[str, dict[str, Source]] = {}
    combined: dict[str, dict[str, CombinedRates]] = {}
    agreement: dict[str, dict[str, HumanAgreement | JudgeAgreement]] = {}
    for key in config.keys:
        how: dict[str, Any] = {"sides_known": sides_known, "confidence": confidence, "bradley_terry": bradley_terry}
        people = human_source(voted, answers, key, **how)
        criteria[key] = {HUMAN: people}
        given = PairCounts.of(answers, key)
        agreement[key] = {HUMAN_HUMAN: human_agreement(answers, given, repeats, key, confidence=confidence)}
        for name, rows in by_judge.items():
            criteria[key][name] = judge_source(rows, key, **how)
            agreement[key][name] = judge_agreement(rows, given, key, sides_known=sides_known, confidence=confidence)
        pairs = voted_pairs(answers, key)
        combined[key] = {
            f"combined:{judge}": combined_rates(
                voted, pairs, by_judge[f"judge:{judge}"], key, refusal=refusal, confidence=confidence
            )
            for judge, refusal in refusals.items()
        }
    return Summary(
        study=config.name,
        confidence=confidence,
        arm=arm,
        systems=config.system_ids,
        reference=config.reference_id if config.systems else None,
        criteria=criteria,
        agreement=agreement,
        balance=balance(voted, config.overall_key, sides_known=sides_known, assignments=showings),
        combined=combined,
    )


def _refusals(config: StudyConfig, judged: VerdictRows, random: bool) -> dict[str, str | None]:
    """By judge with verdicts, why it may not be combined with the votes of an arm; None where it may."""
    judges = tuple(judged.names[code] for code in np.unique(judged.who).tolist())
    chosen, none_chosen = chosen_judge(config, judges)
    other = none_chosen or f"the judge that study.yaml fixed beforehand is {chosen}"
    return {judge: other if judge != chosen else None if random else NOT_RANDOM for judge in judges}
