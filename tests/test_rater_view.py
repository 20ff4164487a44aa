"""The page says what hangs on flagged raters, what flags mean, and whether raters could tell the systems apart."""

from __future__ import annotations

from typing import Any

import pytest
from small_studies import R1, R2, R3, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics import balance
from ppai.frames import guess_frame
from ppai.schema import Criterion, Study, Vote
from ppai.ui.filters import UNFLAGGED, Filters
from ppai.ui.habit_figures import FLAGS
from ppai.ui.labels import Labels
from ppai.ui.rater_view import points, rater_section
from ppai.ui.sections import Section
from ppai.ui.table import Cell

PROMPTS = tuple(f"p{n}" for n in range(24))


def shown(
    study: Study, votes: list[Vote], guesses: list[tuple[str, str, bool | None, str | None]] = (), **more: Any
) -> Section:  # type: ignore[assignment]
    summary = summarise(study, votes_of(study, *votes), verdicts_of(study), guesses=guess_frame(guesses)).as_json()
    chosen = Filters(**({"criterion": "overall", "matchup": "new>base"} | more))
    section = rater_section(summary, Labels.of(study.config), chosen)
    assert section is not None
    return section


def swayed(study: Study) -> list[Vote]:
    """Two raters prefer new in 14 of 24 prompts; a third always names side A, where new stands in all but four."""
    sides = [("new", "base") if n % 6 else ("base", "new") for n in range(24)]
    careless = [vote(p, *side, "a", R1) for p, side in zip(PROMPTS, sides, strict=True)]
    others = [
        vote(p, *side, "a" if (side[0] == "new") == (n % 12 < 7) else "b", rater)
        for n, (p, side) in enumerate(zip(PROMPTS, sides, strict=True))
        for rater in (R2, R3)
    ]
    return [*careless, *others]


def text(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def test_every_headline_stands_with_and_without_flagged_raters() -> None:
    study = small_study(PROMPTS)
    section = shown(study, swayed(study))
    summary = summarise(study, votes_of(study, *swayed(study)), verdicts_of(study)).as_json()
    everyone = summary["criteria"]["overall"]["human"]["win_rate"]["new>base"]["estimate"]
    kept = summary["without_flagged"]["overall"]["win_rate"]["new>base"]["estimate"]
    assert kept == pytest.approx(14 / 24)
    ((_, first, second, moved),) = section.tables[1].rows[:1]
    assert text(first).startswith(f"{100 * everyone:.0f}% [") and text(second).startswith("58% [")
    assert moved == points(kept - everyone) and moved.startswith("−")


def test_an_answer_that_flagged_raters_make_is_named() -> None:
    study = small_study(PROMPTS)
    lead = shown(study, swayed(study)).lead[0]
    assert lead.startswith("1 of 3 raters carries a flag. ")
    assert "Without them 1 of 1 answer changes: on overall “new wins” becomes “undecided”." in lead


def test_answers_that_stay_are_said_to_stay() -> None:
    study = small_study(PROMPTS)
    votes = [vote(p, "new", "base", "a", r) for p in PROMPTS for r in (R2, R3)]
    quick = [vote(p, "new", "base", "a", R1, seconds=2.0) for p in PROMPTS]
    assert (
        shown(study, [*votes, *quick]).lead[0] == "1 of 3 raters carries a flag. Without them the answer is the same."
    )


def test_nobody_flagged_leaves_nothing_to_compare() -> None:
    study = small_study(PROMPTS)
    section = shown(study, [vote(p, "new", "base", "a", r) for p in PROMPTS[:3] for r in (R1, R2)])
    assert section.lead[0] == "None of 2 raters carries a flag."
    assert len(section.tables) == 1 and not section.tables[0].remarks and not section.more


def test_nobody_voted() -> None:
    study = small_study()
    summary = summarise(study, votes_of(study), verdicts_of(study, verdict("p1", "base", "new", "a"))).as_json()
    assert rater_section(summary, Labels.of(study.config), Filters(criterion="overall")) is None


def test_flags_are_explained_where_somebody_carries_them() -> None:
    study = small_study(PROMPTS)
    section = shown(study, swayed(study), raters=UNFLAGGED)
    (remark, *others) = section.tables[0].remarks
    assert remark.startswith("side bias: names one side more often") and not any("too fast" in one for one in others)
    assert "side bias" in text(section.tables[0].rows[0][-1])
    assert "left out of the figures above" in section.note


def test_the_words_for_flags_have_the_thresholds_in_force() -> None:
    assert f"{balance.SIDE_BIAS_P}" in FLAGS["side_bias"] and f"{balance.SIDE_BIAS_VOTES} dec" in FLAGS["side_bias"]
    assert f"{balance.FAST_SECONDS:.0f} seconds" in FLAGS["too_fast"] and f"{balance.FAST_VOTES} v" in FLAGS["too_fast"]
    assert f"{balance.TIES_VOTES} votes" in FLAGS["all_ties"]
    assert f"{balance.REPEATS} hidden" in FLAGS["repeat_inconsistent"] and balance.REPEAT_AGREEMENT == 1 / 2
    assert f"{100 * balance.DISAGREES_CONFIDENCE:.0f}%" in FLAGS["disagrees"]
    assert f"{balance.DISAGREES_PAIRS} pairs" in FLAGS["disagrees"]


def test_every_flag_of_the_statistics_has_words() -> None:
    study = small_study(PROMPTS)
    mad = [vote(p, "new", "base", "tie", R1, seconds=1.0) for p in PROMPTS]
    side = [vote(p, *(("new", "base") if n % 2 else ("base", "new")), "a", R2) for n, p in enumerate(PROMPTS)]
    raters = summarise(study, votes_of(study, *mad, *side), verdicts_of(study)).balance.raters
    raised = {flag for habits in raters.values() for flag in habits.flags}
    assert {"all_ties", "too_fast", "side_bias"} <= raised <= FLAGS.keys()


def test_a_rater_stands_beside_the_others_and_her_own_repeats() -> None:
    study = small_study(("p1", "p2"))
    votes = [
        *(vote(p, "new", "base", "a", r) for p in ("p1", "p2") for r in ("ann", "bea", "cem")),
        vote("p1", "base", "new", "b", "ann", repeat=1),
        vote("p2", "base", "new", None, "r9", status="skipped", reason="unclear"),
    ]
    section = shown(study, votes)
    rows = {text(row[0]): row for row in section.tables[0].rows}
    first = rows["ann"]
    assert [text(cell) for cell in first[4:7]] == ["100%", "100%", "100%"]
    assert first[4].under == ("of 1 repeat",) and first[5].under == ("of 2 pairs",)  # type: ignore[union-attr]
    assert rows["r9"][1].under == ("1 skipped",)  # type: ignore[union-attr]
    assert "100% [" in section.lead[1] and section.lead[1].endswith("of 1 hidden repeat.")


@pytest.mark.parametrize("guesses", [[], [("r", "plain", True, "new")]])
def test_a_probe_that_was_not_asked_is_said_not_to_be(guesses: list[tuple[str, str, bool | None, str | None]]) -> None:
    study = small_study(PROMPTS)
    section = shown(study, [vote("p1", "new", "base", "a")], guesses)
    assert section.lead == ("The one rater carries no flag.", "Blinding: nobody was asked.")


def test_blinding_is_told_with_its_interval_its_guesses_and_both_sides() -> None:
    study = small_study(PROMPTS)
    guesses = [(f"r{n}", "as_is", n % 10 != 0 or None, "new" if n % 2 else "base") for n in range(40)]
    told = shown(study, [vote("p1", "new", "base", "a")], guesses).lead[-1]
    assert told.startswith("Raters guessed right more often than chance: they could tell the systems apart (Bang's ind")
    assert "40 raters gave 40 guesses: 36 right, 0 wrong, 4 unsure." in told
    assert "index is 1.00 [" in told and "] where it stood at side A (20 guesses of 20 raters) and 0.80 [" in told
    (one,) = [("r", "as_is", False, "new")]
    alone = shown(study, [vote("p1", "new", "base", "a")], [one]).lead[-1]
    assert "1 rater gave 1 guess: 0 right, 1 wrong, 0 unsure." in alone and "side B" not in alone


def test_of_more_systems_the_chosen_criterion_stands_first_and_every_one_is_folded() -> None:
    keys = tuple(Criterion(key=key, question="?") for key in ("clarity", "overall"))
    study = small_study(PROMPTS, ("base", "new", "other"), criteria=keys)
    votes = [
        vote(p, s, "base", {"clarity": "a", "overall": "b"}, R1, seconds=1) for p in PROMPTS for s in ("new", "other")
    ]
    votes += [vote(p, "new", "base", {"clarity": "a", "overall": "b"}, R2) for p in PROMPTS]
    section = shown(study, votes, criterion="clarity")
    (headlines,) = section.tables[1:]
    assert [row[0] for row in headlines.rows] == ["new against base", "other against base"]
    assert "clarity" in headlines.caption
    assert [row[:2] for row in section.more[0].rows] == [
        ("Clarity", "new against base"),
        ("Overall", "new against base"),
    ]
    without = headlines.rows[1][2]
    assert isinstance(without, Cell) and without.text == "–" and headlines.notes, "no votes are left, with the reason"
    assert headlines.rows[1][3] == "–"


@pytest.mark.parametrize(
    ("difference", "said"), [(0.034, "+3.4 points"), (-0.2, "−20.0 points"), (-0.0001, "0.0 points")]
)
def test_a_difference_has_its_sign(difference: float, said: str) -> None:
    assert points(difference) == said
