"""The figures of one arm: each part of a Summary from what was gathered of the arm's votes and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eval.gathered import HUMAN, Gathered
from eval.parts import Part
from eval.statistics.blinding_index import Blinding
from eval.statistics.combined import NOT_RANDOM, CombinedRates, combined_rates
from eval.statistics.criteria_correlation import CriteriaPair, criteria_of_verdicts, criteria_of_votes
from eval.statistics.followed import followed
from eval.statistics.human_agreement import HumanAgreement, human_agreement
from eval.statistics.judge_agreement import JudgeAgreement, judge_agreement
from eval.statistics.multiplicity import adjusted_over_criteria
from eval.statistics.pair_counts import PairCounts
from eval.statistics.raters import unflagged_rates
from eval.statistics.repeats import repeated
from eval.statistics.sampling import chosen_judge
from eval.statistics.source import Source, human_source, judge_source
from eval.statistics.win_rate import Rates
from eval.summary import Summary

HUMAN_HUMAN = "human_human"
SEVERAL_MAKERS = "the judge is {} prompts or models together: what it says must be one rule on all prompts"


def arm_summary(given: Gathered, parts: frozenset[Part]) -> Summary:
    """The Summary of one arm with the parts that are asked for."""
    return Summary(
        study=given.config.name,
        confidence=given.confidence,
        arm=given.arm,
        systems=given.config.system_ids,
        reference=given.config.reference_id if given.config.systems else None,
        criteria=_criteria(given, parts),
        balance=given.balance,
        agreement=_agreement(given) if Part.AGREEMENT in parts else {},
        combined=_combined(given) if Part.COMBINED in parts else {},
        sequence=followed(given.answers, given.config, confidence=given.confidence) if Part.SEQUENCE in parts else None,
        correlations=_correlations(given) if Part.CORRELATIONS in parts else {},
        unflagged=_unflagged(given) if Part.UNFLAGGED in parts else {},
        blinding=_blinding(given) if Part.BLINDING in parts else None,
        topics=_topics(given) if Part.TOPICS in parts else {},
        not_asked=frozenset(Part) - parts,
    )


def _blinding(given: Gathered) -> Blinding:
    reference = given.config.reference_id if given.config.systems else None
    return Blinding.of(given.guesses, reference, confidence=given.confidence)


def _criteria(given: Gathered, parts: frozenset[Part]) -> dict[str, dict[str, Source]]:
    """By criterion, then by source; the sign tests of each source adjusted for the number of criteria."""
    how: dict[str, Any] = {"sides_known": given.sides_known, "confidence": given.confidence, "parts": parts}
    sources = {
        HUMAN: {key: human_source(given.votes, given.answers, given.voted[key], key, **how) for key in given.keys}
    }
    for judge, rows in given.judges.items():
        sources[f"judge:{judge}"] = {
            key: judge_source(rows, given.judged[judge][key], key, **how) for key in given.keys
        }
    for by_key in sources.values():
        adjusted = adjusted_over_criteria({key: source.rates for key, source in by_key.items()})
        by_key |= {key: replace(source, rates=adjusted[key]) for key, source in by_key.items()}
    return {key: {source: by_key[key] for source, by_key in sources.items()} for key in given.keys}


def _agreement(given: Gathered) -> dict[str, dict[str, HumanAgreement | JudgeAgreement]]:
    again, first = repeated(given.votes)
    repeats = given.votes.take(again), given.votes.take(first)
    found: dict[str, dict[str, HumanAgreement | JudgeAgreement]] = {}
    for key in given.keys:
        counts = PairCounts.of(given.answers, key)
        found[key] = {
            HUMAN_HUMAN: human_agreement(given.answers, counts, repeats, key, confidence=given.confidence)
        } | {
            f"judge:{judge}": judge_agreement(
                rows, counts, key, sides_known=given.sides_known, confidence=given.confidence
            )
            for judge, rows in given.judges.items()
        }
    return found


def _combined(given: Gathered) -> dict[str, dict[str, CombinedRates]]:
    refusals = _refusals(given) if len(given.answers) else {}
    return {
        key: {
            f"combined:{judge}": combined_rates(
                given.votes,
                given.voted[key],
                given.judges[judge],
                given.judged[judge][key].merged,
                key,
                refusal=refusal,
                doubt=given.drawn.doubt,
                confidence=given.confidence,
            )
            for judge, refusal in refusals.items()
        }
        for key in given.keys
    }


def _refusals(given: Gathered) -> dict[str, str | None]:
    """By judge with verdicts, why it may not be combined with the votes of an arm; None where it may."""
    chosen, none_chosen = chosen_judge(given.config, tuple(given.judges))
    other = none_chosen or f"the judge that study.yaml fixed beforehand is {chosen}"

    def refusal(judge: str) -> str | None:
        makers = len(given.judges[judge].makers_present())
        if judge != chosen:
            return other
        if not given.drawn.random:
            return NOT_RANDOM
        return SEVERAL_MAKERS.format(makers) if makers > 1 else None

    return {judge: refusal(judge) for judge in given.judges}


def _correlations(given: Gathered) -> dict[str, Mapping[str, CriteriaPair]]:
    how = {"confidence": given.confidence}
    judges = {f"judge:{judge}": criteria_of_verdicts(rows, given.keys, **how) for judge, rows in given.judges.items()}
    return {HUMAN: criteria_of_votes(given.answers, given.keys, **how), **judges}


def _unflagged(given: Gathered) -> dict[str, Rates | None]:
    found = {
        key: unflagged_rates(given.answers, given.balance.raters, key, confidence=given.confidence)
        for key in given.keys
    }
    known = {key: rates for key, rates in found.items() if rates is not None}
    return found | adjusted_over_criteria(known)


def _topics(given: Gathered) -> dict[str, dict[str, dict[str, Rates]]]:
    """By criterion, source and topic; {} for a study without topics."""
    if not given.topics.names:
        return {}
    found: dict[str, dict[str, dict[str, Rates]]] = {key: {} for key in given.keys}
    for source, pairs in given.sources.items():
        by_key = {key: given.topics.rates(pairs[key], given.index, confidence=given.confidence) for key in given.keys}
        # Each topic is one more chance as each criterion is: adjusted for both.
        adjusted = adjusted_over_criteria(
            {(key, topic): by_key[key][topic] for key in given.keys for topic in given.topics.names}
        )
        for (key, topic), rates in adjusted.items():
            found[key].setdefault(source, {})[topic] = rates
    return found
