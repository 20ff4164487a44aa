"""The summary as the contract has it: its keys, its arms, real studies, and data too thin for numbers."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_studies import R1, R2, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise, topics
from eval.statistics.coding import code_votes
from eval.statistics.pairs import voted_pairs
from eval.statistics.source import counted
from eval.statistics.study_index import StudyIndex
from ppai.digest import texts_digest
from ppai.frames import outcome_column, verdict_frame, vote_frame
from ppai.schema import DEFAULT_CRITERIA, Study, Verdict, Vote

SHARED = Path(__file__).parents[2] / "shared" / "data"

INTERVAL = {"estimate", "low", "high", "n", "method"}
SOURCE = {
    "n",
    "n_raters",
    "n_unscored",
    "n_skipped",
    "n_one_order",
    "n_degenerate",
    "shares",
    "tie_share",
    "win_rate",
    "sign_test",
    "length_controlled",
    "bradley_terry",
    "longer_wins",
    "first_position",
}


def summary(study: Study, *records: Vote | Verdict, **options: Any) -> dict[str, Any]:
    """The summary as JSON has it, made with every warning an error."""
    votes = votes_of(study, *(record for record in records if isinstance(record, Vote)))
    verdicts = verdicts_of(study, *(record for record in records if isinstance(record, Verdict)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summarise(study, votes, verdicts, **options).as_json()
    as_read: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    assert as_read == found
    return as_read


def intervals(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "estimate" in value:
            yield value
        for inner in value.values():
            yield from intervals(inner)


def test_keys_are_those_of_the_contract() -> None:
    found = summary(small_study(), vote("p1", "base", "new", "a"), verdict("p1", "new", "base", "a"))
    assert {
        "study",
        "confidence",
        "clusters",
        "systems",
        "reference",
        "criteria",
        "agreement",
        "balance",
        "arms",
    } <= set(found)
    assert (found["study"], found["confidence"], found["clusters"]) == ("small", 0.95, "prompt")
    assert (found["systems"], found["reference"]) == (["base", "new"], "base")
    sources = found["criteria"]["overall"]
    assert set(sources) == {"human", "judge:j", "combined:j"}
    assert set(sources["human"]) >= SOURCE | {"n_votes"}
    assert set(sources["judge:j"]) >= SOURCE | {"n_verdicts"}
    assert set(sources["combined:j"]) >= {"n", "n_labelled", "lambda", "votes_saved", "win_rate"}
    agreement = found["agreement"]["overall"]
    assert set(agreement["human_human"]) == {
        "vote_pairs",
        "with_ties",
        "without_ties",
        "krippendorff_alpha",
        "krippendorff_alpha_ordinal",
        "gwet_ac1",
        "fleiss_kappa",
        "raters",
        "n_raters",
        "test_retest",
    }
    assert set(agreement["judge:j"]) == {
        "with_ties",
        "without_ties",
        "majority_accuracy",
        "n_no_majority",
        "cohen_kappa",
        "orders_consistent",
        "flips_to_first",
        "gap",
        "usable",
        "reasons",
        "failed",
    }
    assert set(found["balance"]["raters"][R1]) >= {"n", "share_a", "median_seconds", "flags"}


def test_every_interval_has_numbers_or_a_reason() -> None:
    votes = [vote(p, "base", "new", side, rater) for p, side in (("p1", "a"), ("p2", "b")) for rater in (R1, R2)]
    judged = [verdict(p, *order, "a") for p in ("p1", "p2") for order in (("base", "new"), ("new", "base"))]
    found = summary(small_study(), *votes, *judged)
    corrected = found["agreement"]["overall"]
    below_zero = [
        *(corrected["human_human"][key] for key in ("krippendorff_alpha", "krippendorff_alpha_ordinal", "gwet_ac1")),
        *(corrected["judge:j"][key] for key in ("cohen_kappa", "gap")),
    ]
    seen = list(intervals(found))
    assert len(seen) > 20
    for interval in seen:
        assert set(interval) >= INTERVAL
        if interval["estimate"] is None:
            assert interval["low"] is None and interval["high"] is None and interval["reason"]
        else:
            lowest = -1 if interval in below_zero else 0
            assert lowest <= interval["low"] <= interval["estimate"] <= interval["high"] <= 1
            assert interval["low"] < interval["high"]
            assert interval["n"] > 0


def test_bradley_terry_is_null_and_says_why() -> None:
    two = summary(small_study())["criteria"]["overall"]["human"]
    assert (two["bradley_terry"], two["reasons"]["bradley_terry"]) == (None, "two systems: see win_rate")
    three = summary(small_study(systems=("a", "b", "c")))["criteria"]["overall"]["human"]
    assert (three["bradley_terry"], three["reasons"]["bradley_terry"]) == (None, "no votes")


def test_arms_are_never_pooled() -> None:
    votes = [vote("p1", "base", "new", "b"), vote("p2", "new", "base", "a")]
    plain = [vote("p1", "base", "new", "a", arm="plain"), vote("p3", "base", "new", "a", arm="plain")]
    live = [verdict("p1", "base", "new", "tie", arm="live")]
    alone, together = summary(small_study(), *votes), summary(small_study(), *votes, *plain, *live)
    assert {key: together[key] for key in together if key != "arms"} == {
        key: alone[key] for key in alone if key != "arms"
    }
    assert alone["arms"] == {}
    assert set(together["arms"]) == {"plain", "live"}
    people = together["arms"]["plain"]["criteria"]["overall"]["human"]
    assert (people["n"], people["win_rate"]["new>base"]["estimate"]) == (2, 0)
    judged = together["arms"]["live"]["criteria"]["overall"]["judge:j"]
    assert judged["tie_share"]["estimate"] == 1
    assert set(together["arms"]["plain"]) == set(together)
    assert set(summary(small_study(), *plain, *live, arms=["live"])["arms"]) == {"live"}


def test_the_highest_revision_is_found_within_its_arm() -> None:
    found = summary(
        small_study(),
        vote("p1", "base", "new", "b"),
        vote("p1", "base", "new", "a", arm="plain", revision=2),
    )
    assert found["criteria"]["overall"]["human"]["win_rate"]["new>base"]["estimate"] == 1


def test_criteria_are_apart_and_may_be_missing() -> None:
    study = small_study(criteria=DEFAULT_CRITERIA)
    found = summary(
        study,
        vote("p1", "base", "new", {"clarity": "a", "overall": "b"}),
        vote("p2", "base", "new", {"overall": "b"}),
    )
    assert list(found["criteria"]) == list(study.config.keys)
    assert found["criteria"]["overall"]["human"]["n"] == 2
    clarity, tone = (found["criteria"][key]["human"] for key in ("clarity", "empathy_tone"))
    assert (clarity["n"], clarity["n_votes"], clarity["n_unscored"]) == (1, 1, 1)
    assert (tone["n"], tone["win_rate"]["new>base"]["reason"]) == (0, "no pairs")


def test_a_frame_without_a_criterion_has_no_answers_to_it() -> None:
    study = small_study(criteria=DEFAULT_CRITERIA)
    votes = vote_frame([vote("p1", "base", "new", "a")], ["overall"])
    found = summarise(study, votes, verdict_frame([], []))
    assert found.criteria["overall"]["human"].counts.answered == 1
    assert found.criteria["clarity"]["human"].counts.answered == 0


@pytest.mark.parametrize(
    "records",
    [
        [],
        [vote("p1", "base", "new", "a")],
        [vote("p1", "base", "new", "tie"), vote("p2", "new", "base", "tie")],
        [vote(p, "base", "new", "a", r) for p in ("p1", "p2", "p3") for r in ("r1", "r2")],
        [vote("p1", "base", "new", None, status="skipped")],
        [verdict("p1", "base", "new", None)],
        [verdict("p1", "base", "new", None), verdict("p1", "new", "base", "a")],
        [vote("p1", "base", "new", "tie", r) for r in ("r1", "r2")] + [verdict("p1", "base", "new", "tie")],
        [vote("p1", "base", "new", "a"), vote("p1", "base", "new", "a", repeat=1)],
        [vote("p1", "base", "new", "a", r) for r in ("r1", "r2")]
        + [verdict("p1", *order, "a") for order in (("base", "new"), ("new", "base"))],
    ],
)
def test_thin_data_never_warns_or_breaks(records: list[Vote | Verdict]) -> None:
    summary(small_study(), *records)
    summary(small_study(systems=("base", "new", "third")), *records)
    summary(small_study(sides="file"), *records)


def test_an_empty_study_has_a_summary() -> None:
    found = summary(small_study((), ()))
    assert (found["systems"], found["reference"]) == ([], None)


def test_what_the_study_no_longer_has_is_counted_and_left_out() -> None:
    votes = [vote("p1", "base", "new", "b")]
    gone: list[Vote | Verdict] = [
        vote("p9", "base", "new", "a"),
        vote("p1", "base", "old", "a"),
        verdict("p9", "base", "new", "a"),
    ]
    alone, together = summary(small_study(), *votes), summary(small_study(), *votes, *gone)
    assert together["n_outside"] == 3
    assert together["criteria"]["overall"]["human"] == alone["criteria"]["overall"]["human"]
    assert "judge:j" not in together["criteria"]["overall"]


def test_vote_pairs_are_on_one_pair() -> None:
    found = summary(
        small_study(),
        *(vote("p1", "base", "new", "a", f"r{number}") for number in range(4)),
        *(vote("p2", "base", "new", "a", f"r{number}") for number in range(2)),
        vote("p3", "base", "new", "a"),
    )
    assert found["agreement"]["overall"]["human_human"]["vote_pairs"] == 7


def test_confidence_is_kept() -> None:
    votes = [vote(f"p{n}", "base", "new", "ab"[n % 2]) for n in range(20)]
    study = small_study([f"p{n}" for n in range(20)])
    wide, narrow = summary(study, *votes), summary(study, *votes, confidence=0.8)
    assert narrow["confidence"] == 0.8
    at = [found["criteria"]["overall"]["human"]["win_rate"]["new>base"] for found in (wide, narrow)]
    assert at[0]["low"] < at[1]["low"]
    with pytest.raises(ValueError, match="confidence"):
        summary(study, *votes, confidence=95)


def test_topics_are_apart() -> None:
    study = small_study(("p1", "p2", "p3", "p4"), topics={"p1": "sleep", "p2": "food", "p3": "sleep"})
    votes = votes_of(study, vote("p1", "base", "new", "b"), vote("p3", "base", "new", "a"))
    verdicts = verdicts_of(study, verdict("p2", "base", "new", "b"), verdict("p4", "base", "new", "b"))
    found = topics(study, votes, verdicts, "overall")
    assert [(row.topic, row.source, row.rates.n) for row in found] == [
        ("sleep", "human", 2),
        ("food", "human", 0),
        ("sleep", "judge:j", 0),
        ("food", "judge:j", 1),
    ]
    assert found[0].rates.win_rate["new>base"].estimate == 0.5
    assert found[1].rates.shares["new"].reason == "no pairs"
    with pytest.raises(ValueError, match="criterion"):
        topics(study, votes, verdicts, "beauty")


def shared_study(name: str) -> Study:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    from ppai.studyfiles import read_study

    return read_study(folder)


def frames(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    keys = study.config.keys
    return vote_frame(study.votes, keys), verdict_frame(study.verdicts, keys)


@pytest.mark.parametrize(
    ("criterion", "base", "finetuned", "tie"),
    [
        ("helpfulness", 0.90, 0.10, 0.00),
        ("empathy_tone", 0.30, 0.70, 0.00),
        ("creativity", 0.47, 0.48, 0.05),
        ("clarity", 0.90, 0.10, 0.00),
        ("relatability", 0.02, 0.98, 0.00),
        ("adoptability", 0.72, 0.28, 0.00),
        ("overall", 0.72, 0.28, 0.00),
    ],
)
def test_the_published_study(criterion: str, base: float, finetuned: float, tie: float) -> None:
    study = shared_study("published_study")
    found = summarise(study, *frames(study)).criteria[criterion]["judge:gpt-4o"]
    assert found.rates.shares["base"].estimate == pytest.approx(base)
    assert found.rates.shares["finetuned"].estimate == pytest.approx(finetuned)
    assert found.rates.tie_share.estimate == pytest.approx(tie)
    assert found.rates.win_rate["finetuned>base"].estimate == pytest.approx(finetuned + tie / 2)
    assert (found.rates.n, found.counts.answered, found.counts.named) == (100, 100, 100)
    assert found.first_position.estimate is None


def test_pandalm() -> None:
    study = shared_study("pandalm_study")
    votes, verdicts = frames(study)
    found = summarise(study, votes, verdicts)
    sources = found.criteria["overall"]
    people, gpt = sources["human"], sources["judge:gpt-3.5-turbo"]
    assert (people.rates.n, people.counts.answered, people.counts.raters) == (999, 2997, 3)
    assert (gpt.rates.n, gpt.counts.answered, gpt.counts.unscored, gpt.counts.one_order) == (974, 974, 25, 0)
    assert sources["judge:pandalm-7b"].rates.n == 999
    assert people.first_position.reason == gpt.first_position.reason
    assert people.first_position.reason is not None and "never varied" in people.first_position.reason
    assert found.agreement["overall"]["human_human"].as_json()["vote_pairs"] == 3 * 999
    assert len(people.rates.win_rate) == 10
    assert all(label.endswith(">llama-7b") for label in people.rates.win_rate if "llama-7b" in label)


def test_majorities_of_pandalm() -> None:
    """Its README: 422 labels for the first system, 472 for the second, 105 ties; the longer won .654 of 878."""
    study = shared_study("pandalm_study")
    index = StudyIndex.of(study)
    rows = counted(code_votes(index, frames(study)[0], ["overall"])[0])
    pairs = voted_pairs(rows, "overall")
    x_wins, y_wins = pairs.x_share > 0.5, pairs.y_share > 0.5
    x, y = index.x_y(pairs.matchup)
    names = np.array(index.systems)
    x_is_first = names[x] < names[y]
    assert np.count_nonzero(np.where(x_is_first, x_wins, y_wins)) == 422
    assert np.count_nonzero(np.where(x_is_first, y_wins, x_wins)) == 472
    assert np.count_nonzero(pairs.tie_share > 0.5) == 105
    longer = index.lengths[pairs.prompt, x] - index.lengths[pairs.prompt, y]
    decisive = (x_wins | y_wins) & (longer != 0)
    assert np.count_nonzero(decisive) == 878
    assert np.mean((longer > 0)[decisive] == x_wins[decisive]) == pytest.approx(0.654, abs=5e-4)


def test_a_hundred_thousand_votes_take_no_time() -> None:
    rng = np.random.default_rng(0)
    n, prompts = 100_000, [str(number) for number in range(1_000)]
    study = small_study(prompts, criteria=DEFAULT_CRITERIA)
    new_first = rng.random(n) < 0.5
    votes = pd.DataFrame(
        {
            "vote_id": np.arange(n).astype(str),
            "prompt_id": rng.choice(prompts, n),
            "system_a": np.where(new_first, "new", "base"),
            "system_b": np.where(new_first, "base", "new"),
            "rater": rng.integers(0, 400, n).astype(str),
            "arm": "as_is",
            "repeat": 0,
            "revision": 1,
            "status": "submitted",
            "seconds": rng.exponential(60, n),
            "created_at": 0.0,
        }
        | {outcome_column(key): rng.choice([-1, 0, 1], n).astype(np.int8) for key in study.config.keys}
    )
    judged = [
        verdict(prompt, *order, "ab"[number % 2], f"j{judge}")
        for number, prompt in enumerate(prompts)
        for judge in range(3)
        for order in (("base", "new"), ("new", "base"))
    ]
    verdicts = verdict_frame(judged, study.config.keys)
    start = time.perf_counter()
    found = summarise(study, votes, verdicts)
    assert time.perf_counter() - start < 3, "some .2 s where it was written"
    assert found.criteria["overall"]["human"].rates.n == 1_000
    assert found.agreement["overall"]["judge:j2"].as_json()["with_ties"]["n"] == (
        found.criteria["overall"]["human"].counts.answered
    )


def test_verdicts_on_earlier_texts_are_counted_and_in_no_figure() -> None:
    study = small_study()
    now, then = texts_digest("p1", "x" * 10, "x" * 10), texts_digest("p1", "x" * 9, "x" * 10)
    rows = [
        verdict("p1", "base", "new", "a", texts=now),
        verdict("p1", "new", "base", "a", texts=then),
        verdict("p2", "base", "new", "a"),
    ]
    summary = summarise(study, votes_of(study), verdicts_of(study, *rows)).as_json()
    assert summary["n_outdated"] == 1
    assert summary["criteria"]["overall"]["judge:j"]["n_verdicts"] == 2


def test_a_judge_of_two_prompts_or_models_is_named_and_not_usable() -> None:
    study = small_study()
    rows = [
        verdict("p1", "base", "new", "a", model="m-1", prompt_version="v1"),
        verdict("p1", "new", "base", "b", model="m-2", prompt_version="v1"),
    ]
    summary = summarise(study, votes_of(study), verdicts_of(study, *rows)).as_json()
    source, found = summary["criteria"]["overall"]["judge:j"], summary["agreement"]["overall"]["judge:j"]
    assert (source["models"], source["prompt_versions"]) == (["m-1", "m-2"], ["v1"])
    assert "its verdicts are of 2 prompts or models together" in found["reasons"] and not found["usable"]
