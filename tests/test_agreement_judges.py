"""Agreement of judges with people, and between a judge's own orders; on PandaLM, the published figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from small_studies import R1, R2, R3, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.agreement import NO_COMMON_PAIRS, NO_DECISIVE_COMMON
from eval.statistics.judge_agreement import NO_BOTH, NO_FLIPS, NO_MAJORITY, ONE_ORDER, JudgeAgreement
from eval.statistics.position import SIDES_UNKNOWN
from ppai.frames import verdict_frame, vote_frame
from ppai.schema import Study, Verdict, Vote
from ppai.studyfiles import read_study

FORTH, BACK = ("base", "new"), ("new", "base")


def judge(study: Study, *records: Vote | Verdict, confidence: float = 0.95) -> JudgeAgreement:
    votes = votes_of(study, *(record for record in records if isinstance(record, Vote)))
    verdicts = verdicts_of(study, *(record for record in records if isinstance(record, Verdict)))
    found = summarise(study, votes, verdicts, confidence=confidence).agreement["overall"]["judge:j"]
    assert isinstance(found, JudgeAgreement)
    return found


def both(prompt: str, first: str | None, second: str | None) -> Iterable[Verdict]:
    """Verdicts with `base` shown first, and with `new` shown first."""
    return verdict(prompt, *FORTH, first), verdict(prompt, *BACK, second)


def voted(prompt: str, outcomes: str) -> list[Vote]:
    """Votes for `base` (b), `new` (n) or a tie (t), sides in turns."""
    found = []
    for number, letter in enumerate(outcomes):
        a, b = BACK if number % 2 else FORTH
        outcome = {"t": "tie", a[0]: "a", b[0]: "b"}[letter]
        found.append(vote(prompt, a, b, outcome, f"r{number}"))
    return found


def test_a_vote_is_compared_with_the_merged_verdict() -> None:
    """p1: base in both orders; p2: the orders conflict, a tie; p3: one names new, the other ties, a tie."""
    found = judge(
        small_study(),
        *both("p1", "a", "b"),
        *both("p2", "a", "a"),
        *both("p3", "b", "tie"),
        *voted("p1", "bbn"),
        *voted("p2", "tb"),
        *voted("p3", "nt"),
    )
    assert (found.with_ties.estimate, found.with_ties.n) == (pytest.approx(4 / 7), 7)
    assert (found.without_ties.estimate, found.without_ties.n) == (pytest.approx(2 / 3), 3)
    # Verdict by vote: base-base 2, base-new 1, tie-tie 2, tie-base 1, tie-new 1.
    chance = (3 * 3 + 4 * 2) / 49
    assert found.cohen_kappa.estimate == pytest.approx((4 / 7 - chance) / (1 - chance))
    assert found.cohen_kappa.n == 7


def test_majority_accuracy_is_of_unmerged_verdicts_and_by_pair() -> None:
    found = judge(
        small_study(("p1", "p2", "p3", "p4")),
        *both("p1", "a", "a"),
        verdict("p1", *FORTH, "a", sample=1),
        verdict("p2", *BACK, "tie"),
        *both("p3", "a", "b"),
        *both("p4", "a", "b"),
        *voted("p1", "bbn"),
        *voted("p2", "ttb"),
        *voted("p3", "bn"),
        *voted("p4", "bnt"),
    )
    assert (found.majority_accuracy.estimate, found.majority_accuracy.n) == (pytest.approx((2 / 3 + 1) / 2), 2)
    assert found.n_no_majority == 2


def test_orders_agree_flip_or_half_flip() -> None:
    prompts = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")
    found = judge(
        small_study(prompts),
        *both("p1", "a", "b"),
        *both("p2", "tie", "tie"),
        *both("p3", "a", "a"),
        *both("p4", "a", "a"),
        *both("p5", "b", "b"),
        *both("p6", "a", "tie"),
        *both("p7", "a", None),
    )
    assert (found.orders_consistent.estimate, found.orders_consistent.n) == (pytest.approx(2 / 6), 6)
    assert (found.flips_to_first.estimate, found.flips_to_first.n) == (pytest.approx(2 / 3), 3)


def test_samples_of_an_order_say_what_they_favour() -> None:
    samples = [verdict("p1", *BACK, outcome, sample=n) for n, outcome in enumerate(("a", "b", "b"))]
    found = judge(small_study(), verdict("p1", *FORTH, "a"), *samples)
    assert (found.orders_consistent.estimate, found.flips_to_first.reason) == (1, NO_FLIPS)


def test_one_order_has_no_consistency_and_is_never_usable() -> None:
    found = judge(small_study(), verdict("p1", *FORTH, "a"), *voted("p1", "bbb"))
    assert found.orders_consistent.reason == found.flips_to_first.reason == ONE_ORDER
    assert not found.usable and "it was asked in one order only" in found.reasons
    halves = judge(small_study(), *both("p1", "a", None))
    assert halves.orders_consistent.reason == halves.flips_to_first.reason == NO_BOTH


def test_where_sides_are_unknown_nothing_is_first() -> None:
    found = judge(small_study(sides="file"), *both("p1", "a", "a"))
    assert (found.orders_consistent.estimate, found.flips_to_first.reason) == (0, SIDES_UNKNOWN)


def test_without_votes_only_the_orders_are_known() -> None:
    found = judge(small_study(), *both("p1", "a", "b"), *voted("p2", "bb"))
    assert found.with_ties.reason == found.majority_accuracy.reason == found.cohen_kappa.reason == NO_COMMON_PAIRS
    assert found.without_ties.reason == NO_DECISIVE_COMMON
    assert found.orders_consistent.estimate == 1
    assert not found.usable
    assert any("no pair has both a verdict of this judge and two votes" in reason for reason in found.reasons)
    split = judge(small_study(), *both("p1", "a", "b"), *voted("p1", "bn"))
    assert (split.majority_accuracy.reason, split.n_no_majority) == (NO_MAJORITY, 1)


def test_a_pair_with_one_order_unscored_is_in_no_merged_figure() -> None:
    alone = judge(small_study(), *both("p1", "a", "b"), *voted("p1", "bb"))
    found = judge(small_study(), *both("p1", "a", "b"), *both("p2", "a", None), *voted("p1", "bb"), *voted("p2", "nn"))
    assert found.with_ties == alone.with_ties
    assert (alone.majority_accuracy.estimate, found.majority_accuracy.estimate) == (1, 0.5)


def test_arms_are_apart() -> None:
    plain = [verdict("p1", *order, "tie", arm="plain") for order in (FORTH, BACK)]
    alone = judge(small_study(), *both("p1", "a", "b"), *voted("p1", "bbn"))
    assert judge(small_study(), *both("p1", "a", "b"), *plain, *voted("p1", "bbn")) == alone


class TestUsable:
    """A judge that says what most of three raters say, on a hundred pairs whose longer response wins half."""

    n = 100

    def study(self) -> Study:
        """`new` is longer on even prompts."""
        prompts = [f"p{n}" for n in range(self.n)]
        return small_study(prompts, lengths={(p, "new"): 20 if n % 2 == 0 else 5 for n, p in enumerate(prompts)})

    def votes(self) -> list[Vote]:
        """`new` wins where n // 2 is even: half of the longer ones win. One rater dissents on one pair of five."""
        found: list[Vote] = []
        for n in range(self.n):
            winner, other = "nb" if n // 2 % 2 == 0 else "bn"
            found += voted(f"p{n}", winner * 2 + (other if n % 5 == 0 else winner))
        return found

    def verdicts(self, wrong: Iterable[int] = (), flips: Iterable[int] = ()) -> list[Verdict]:
        wrong, flips = set(wrong), set(flips)
        found: list[Verdict] = []
        for n in range(self.n):
            new_wins = (n // 2 % 2 == 0) != (n in wrong)
            first, second = ("b", "a") if new_wins else ("a", "b")
            found += both(f"p{n}", first, first if n in flips else second)
        return found

    def test_one_that_follows_people_is_usable_and_says_why(self) -> None:
        found = judge(self.study(), *self.votes(), *self.verdicts())
        assert found.usable
        # Judge with votes 280 of 300, votes with votes 260 of 300.
        assert found.gap.estimate == pytest.approx(20 / 300)
        assert found.gap.low is not None and found.gap.low > 0
        assert [reason.split(" ")[0:3] for reason in found.reasons] == [
            ["its", "two", "orders"],
            ["it", "agrees", "with"],
            ["the", "longer", "response"],
        ]
        assert "its two orders agree on 100.0% of 100 pairs; 85.0% at least is asked for" in found.reasons

    def test_one_that_is_often_wrong_is_not(self) -> None:
        found = judge(self.study(), *self.votes(), *self.verdicts(wrong=range(0, 100, 4)))
        assert found.gap.estimate is not None and found.gap.estimate < -0.05
        assert not found.usable
        assert any(reason.startswith("it agrees with votes") and "less often" in reason for reason in found.reasons)

    def test_few_pairs_never_show_that_it_is_not_worse(self) -> None:
        records = [r for r in [*self.votes(), *self.verdicts()] if int(r.prompt_id[1:]) < 15]
        found = judge(self.study(), *records)
        assert found.gap.estimate is not None and found.gap.estimate > 0
        assert (found.usable, len(found.reasons)) == (False, 1)

    def test_single_votes_never_show_it(self) -> None:
        single = [v for v in self.votes() if v.rater == "r0"]
        found = judge(self.study(), *single, *self.verdicts())
        assert found.with_ties.estimate == 1
        assert not found.usable and "two votes" in found.reasons[0]

    @pytest.mark.parametrize(("flips", "usable"), [(15, True), (16, False)])
    def test_orders_must_agree_on_85_of_100(self, flips: int, usable: bool) -> None:
        # Enough people disagree that a few ties more do not decide.
        votes = [v for n in range(self.n) for v in voted(f"p{n}", "nbt" if n // 2 % 2 == 0 else "bnt")]
        found = judge(self.study(), *votes, *self.verdicts(flips=range(flips)))
        assert found.orders_consistent.estimate == pytest.approx(1 - flips / 100)
        assert found.usable is usable
        assert any(f"on {100 - flips}.0% of 100 pairs" in reason for reason in found.reasons)

    def test_a_habit_of_length_that_people_do_not_have_is_named(self) -> None:
        shorter_won = [n for n in range(self.n) if (n // 2 % 2 == 0) != (n % 2 == 0)]
        votes = [v for n in range(self.n) for v in voted(f"p{n}", "nbt")]
        close = judge(self.study(), *votes, *self.verdicts(wrong=shorter_won[:10]))
        far = judge(self.study(), *votes, *self.verdicts(wrong=shorter_won[:20]))
        assert close.usable and not far.usable
        assert far.reasons == (
            "the longer response wins 70.0% of its decisive verdicts and 50.0% of people's decisive votes on the same "
            "pairs; they may be 10 points apart",
        )

    def test_who_lacks_decisive_outcomes_for_a_habit_of_length_is_named(self) -> None:
        ties = [v for n in range(self.n) for v in voted(f"p{n}", "ttt")]
        people = judge(self.study(), *ties, *self.verdicts())
        assert any("no decisive votes of people on the same pairs" in reason for reason in people.reasons)
        judged = [verdict for n in range(self.n) for verdict in both(f"p{n}", "tie", "tie")]
        itself = judge(self.study(), *self.votes(), *judged)
        assert any("no decisive verdicts of its own" in reason for reason in itself.reasons)

    def test_one_that_saw_the_names_is_never_usable(self) -> None:
        named = [v.model_copy(update={"named": True}) for v in self.verdicts()]
        found = judge(self.study(), *self.votes(), *named)
        assert (found.usable, found.reasons) == (False, ("it saw the systems' names in 200 verdicts",))

    def test_one_order_is_never_usable(self) -> None:
        forth = [v for v in self.verdicts() if v.system_a == "base"]
        found = judge(self.study(), *self.votes(), *forth)
        assert (found.usable, found.reasons) == (False, ("it was asked in one order only",))

    def test_its_intervals_follow_the_confidence_and_its_ruling_does_not(self) -> None:
        records = [*self.votes(), *self.verdicts(wrong=range(5), flips=range(30, 40))]
        wide, narrow = (judge(self.study(), *records, confidence=c) for c in (0.95, 0.8))
        assert (wide.gap, wide.usable, wide.reasons) == (narrow.gap, narrow.usable, narrow.reasons)
        for name in ("with_ties", "without_ties", "majority_accuracy", "cohen_kappa", "orders_consistent"):
            assert getattr(wide, name).low < getattr(narrow, name).low, name


def test_raters_are_no_part_of_what_a_judge_is_asked() -> None:
    """Votes of three on one pair count three times with a judge, and once in the majority."""
    found = judge(small_study(), *both("p1", "a", "b"), *(vote("p1", *FORTH, "a", rater) for rater in (R1, R2, R3)))
    assert (found.with_ties.n, found.majority_accuracy.n) == (3, 1)


def test_pandalms_judges(pandalm_study: Path) -> None:
    study = read_study(pandalm_study)
    keys = study.config.keys
    found = summarise(study, vote_frame(study.votes, keys), verdict_frame(study.verdicts, keys)).agreement["overall"]
    gpt, pandalm = found["judge:gpt-3.5-turbo"], found["judge:pandalm-7b"]
    assert isinstance(gpt, JudgeAgreement) and isinstance(pandalm, JudgeAgreement)
    assert gpt.majority_accuracy.estimate == pytest.approx(0.7156, abs=5e-5)
    assert pandalm.majority_accuracy.estimate == pytest.approx(0.6677, abs=5e-5)
    assert (gpt.majority_accuracy.n, pandalm.majority_accuracy.n) == (974, 999)
    assert (gpt.with_ties.n, pandalm.with_ties.n, gpt.n_no_majority) == (3 * 974, 3 * 999, 0)
    for one in (gpt, pandalm):
        assert one.orders_consistent.reason == ONE_ORDER
        assert (one.usable, one.reasons[0]) == (False, "it was asked in one order only")
        assert "less often than votes agree with each other" in one.reasons[1]
