"""Whatever a study holds, each figure of its summary is finite or null with a reason, without a warning."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Study, Verdict, Vote

SYSTEMS = ("base", "new", "third")
PROMPTS = ("p1", "p2", "p3", "p4")


def summary(study: Study, records: list[Vote | Verdict], **options: Any) -> dict[str, Any]:
    votes = votes_of(study, *(one for one in records if isinstance(one, Vote)))
    verdicts = verdicts_of(study, *(one for one in records if isinstance(one, Verdict)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summarise(study, votes, verdicts, **options).as_json()
    read: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return read


def nulls_without_reason(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        if "estimate" in value and value["estimate"] is None and not value.get("reason"):
            yield path
        if value.get("bradley_terry", "") is None and "bradley_terry" not in value["reasons"]:
            yield f"{path}/bradley_terry"
        if value.get("p", "") is None and not value.get("reason"):
            yield f"{path}/p"
        for key, inner in value.items():
            yield from nulls_without_reason(inner, f"{path}/{key}")


outcomes = st.sampled_from(["a", "b", "tie"])
pairs = st.sampled_from([pair for two in combinations(SYSTEMS, 2) for pair in (two, two[::-1])])
votes = st.builds(
    lambda p, pair, outcome, rater, status: vote(
        p, *pair, outcome if status == "submitted" else None, rater, status=status
    ),
    st.sampled_from(PROMPTS),
    pairs,
    outcomes,
    st.sampled_from([f"r{n}" for n in range(12)]),
    st.sampled_from(["submitted"] * 5 + ["skipped", "void"]),
)
verdicts = st.builds(
    lambda p, pair, outcome, judge: verdict(p, *pair, outcome, judge),
    st.sampled_from(PROMPTS),
    pairs,
    st.one_of(outcomes, st.none()),
    st.sampled_from(["j", "k"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.one_of(votes, verdicts), max_size=40),
    st.dictionaries(st.tuples(st.sampled_from(PROMPTS), st.sampled_from(SYSTEMS)), st.integers(0, 40)),
    st.sampled_from([None, "random"]),
    st.sampled_from(["shown", "file"]),
)
def test_any_records_have_a_summary(
    records: list[Vote | Verdict], lengths: dict[tuple[str, str], int], labelled: str | None, sides: str
) -> None:
    study = small_study(PROMPTS, SYSTEMS, lengths, labelled=labelled, sides=sides)
    assert list(nulls_without_reason(summary(study, records))) == []
    two = small_study(PROMPTS, SYSTEMS[:2], lengths, labelled=labelled, sides=sides)
    assert list(nulls_without_reason(summary(two, records))) == []


def many(outcome: str, raters: int = 12, prompts: int = 30) -> list[Vote | Verdict]:
    return [vote(f"p{n}", "new", "base", outcome, f"r{rater}") for n in range(prompts) for rater in range(raters)]


@pytest.mark.parametrize("outcome", ["a", "tie"])
def test_one_class_only(outcome: str) -> None:
    study = small_study([f"p{n}" for n in range(60)], labelled="random")
    judged: list[Vote | Verdict] = [verdict(f"p{n}", "new", "base", outcome) for n in range(60)]
    sources = summary(study, many(outcome) + judged)["criteria"]["overall"]
    expected = {"a": 1.0, "tie": 0.5}[outcome]
    for rate in (
        sources["human"]["win_rate"]["new>base"],
        sources["human"]["win_rate_two_way"]["new>base"],
        sources["human"]["length_controlled"]["new>base"],
        sources["combined:j"]["win_rate"]["new>base"],
    ):
        assert rate["estimate"] == pytest.approx(expected, abs=0.003)
        assert rate["high"] - rate["low"] > 0.02
    assert sources["combined:j"]["lambda"] == 0
    assert sources["human"]["sign_test"]["new>base"]["p"] == (None if outcome == "tie" else pytest.approx(2**-29))


def test_every_interval_is_of_the_confidence_that_was_asked_for() -> None:
    """A 90% interval called 95 is a trap: all of them change with the level."""
    names = [f"p{n}" for n in range(80)]
    lengths = {(p, s): 10 + (7 * n + 3 * len(s)) % 40 for n, p in enumerate(names) for s in SYSTEMS}
    study = small_study(names, SYSTEMS, lengths, labelled="random")
    records: list[Vote | Verdict] = [
        vote(p, a, b, "ab"[(n * 7 + rater * rater + len(a)) % 3 % 2], f"r{rater}")
        for n, p in enumerate(names[:40])
        for a, b in combinations(SYSTEMS, 2)
        for rater in range(12)
    ]
    records += [
        verdict(p, a, b, "ab"[(n * 5 + len(b)) % 3 % 2])
        for n, p in enumerate(names)
        for a, b in combinations(SYSTEMS, 2)
    ]
    wide, narrow = (summary(study, records, confidence=level)["criteria"]["overall"] for level in (0.95, 0.8))
    for source, figure, key in (
        ("human", "win_rate", "new>base"),
        ("human", "win_rate_two_way", "new>base"),
        ("human", "length_controlled", "new>base"),
        ("human", "bradley_terry", "new"),
        ("human", "bradley_terry_differences", "new>base"),
        ("judge:j", "length_controlled", "new>base"),
        ("judge:j", "bradley_terry", "new"),
        ("combined:j", "win_rate", "new>base"),
    ):
        at = [found[source][figure][key] for found in (wide, narrow)]
        assert at[0]["low"] < at[1]["low"] < at[1]["high"] < at[0]["high"], (source, figure)
