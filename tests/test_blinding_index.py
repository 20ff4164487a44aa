"""Bang's blinding index beside published trials, and on few or one-sided guesses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from databases import new_database
from rating import Rater, desk_of, rating_study

from eval.report import summarise
from eval.statistics.blinding_index import NO_GUESSES, Blinding, blinding_index, blinding_sentence
from ppai.frames import guess_frame
from ppai.source import open_source
from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general


def singly(right: int, wrong: int, unsure: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One guess a participant, as trials ask."""
    kind = np.repeat([0, 1, 2], [right, wrong, unsure])
    return tuple((kind == k).astype(int) for k in range(3))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("counts", "index", "low", "high"),
    [
        # CRISP, Bang, Ni and Davis (2004), table 7: .21 and .01; normal intervals of their formula.
        ((82, 25, 170), 0.206, 0.137, 0.275),
        ((29, 27, 83), 0.014, -0.091, 0.120),
        # Houweling et al. (2014), table 2, investigators, as the R package BI prints them.
        ((48, 4, 330), 0.115, 0.080, 0.150),
        ((30, 22, 319), 0.022, -0.016, 0.060),
    ],
)
def test_published_trials(counts: tuple[int, int, int], index: float, low: float, high: float) -> None:
    found = blinding_index(*singly(*counts))
    assert (found.estimate, found.n) == (pytest.approx(index, abs=5e-4), sum(counts))
    assert (found.low, found.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def test_guesses_of_one_rater_are_no_independent_ones() -> None:
    alone = blinding_index(*singly(40, 20, 0))
    by_three = blinding_index(np.repeat([3, 0], [14, 6]), np.repeat([0, 3], [14, 6]), np.zeros(20, dtype=int))
    assert (by_three.n, alone.n) == (60, 60)
    assert by_three.high is not None and by_three.low is not None and alone.high is not None and alone.low is not None
    assert by_three.high - by_three.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize(("right", "rate"), [(0.5, 0.0), (0.9, 0.8)])
def test_it_covers_with_three_guesses_a_rater(right: float, rate: float) -> None:
    rng, inside = np.random.default_rng(8), 0
    for _ in range(400):
        chance = rng.beta(3 * right, 3 * (1 - right), 15)
        hits = rng.binomial(3, chance)
        found = blinding_index(hits, 3 - hits, np.zeros(15, dtype=int))
        assert found.low is not None and found.high is not None
        inside += found.low <= rate <= found.high
    assert inside / 400 >= 0.93


@pytest.mark.filterwarnings("error")
def test_one_rater_or_nobody() -> None:
    found = blinding_index([3], [0], [0])
    assert found.estimate == 1 and found.low is not None and found.low < 0.5
    for empty in (blinding_index([], [], []), blinding_index([0], [0], [0])):
        assert (empty.estimate, empty.reason) == (None, NO_GUESSES)
        assert blinding_sentence(empty) == "Blinding: nobody was asked."
    with pytest.raises(ValueError, match="below 0"):
        blinding_index([-1], [0], [0])
    with pytest.raises(ValueError, match="shape"):
        blinding_index([1, 2], [0, 1, 2], [0])


def test_what_readers_are_told() -> None:
    told = {
        (80, 5, 5): "right more often than chance: they could tell the systems apart (Bang's index 0.83 [",
        (60, 35, 5): "somewhat more often than chance",
        (10, 60, 5): "less often than chance: they took one system for the other (Bang's index −0.67 [−",
        (100, 100, 300): "about as often as chance: they could not tell the systems apart",
        (1, 0, 0): ", 1 guess)",
        (4, 3, 0): "Too few guesses",
    }
    for counts, words in told.items():
        assert words in blinding_sentence(blinding_index(*singly(*counts)))


def test_the_answers_to_a_stores_probe_are_counted_in_its_summary(tmp_path: Path) -> None:
    url = new_database("sqlite", tmp_path)
    store = SqlStore(url)
    rater = Rater(desk_of(store, rating_study(6)))
    for _ in range(5):
        rater.submit()
    rater.act("finish")
    for guess in ("a", "b", "unsure"):
        rater.act("probe", token=rater.token, guess=guess)
    right = [probe.correct for probe in store.probes("rated")].count(True)
    write_general(store.events("rated"), tmp_path / "study")
    store.close()
    found = {}
    for source in (url, str(tmp_path / "study")):
        opened = open_source(source)
        summary = summarise(opened.study, opened.votes, opened.verdicts, guesses=opened.guesses)
        assert summary.blinding is not None
        of_all, sides = summary.blinding.all, summary.blinding.sides
        found[source] = (of_all.right, of_all.wrong, of_all.unsure, of_all.raters)
        assert sum(one.index.n for one in sides.values()) == of_all.index.n
    assert found == {url: (right, 2 - right, 1, 1), str(tmp_path / "study"): (0, 0, 0, 0)}


def test_who_always_names_one_side_knows_nothing_and_the_sides_show_it() -> None:
    rows = [(f"r{n}", "as_is", standing == "base", standing) for n in range(20) for standing in ("base", "new")]
    found = Blinding.of(guess_frame(rows), "base").as_json()
    assert found["estimate"] == 0 and found["n_raters"] == 20 and (found["right"], found["wrong"]) == (20, 20)
    assert {side: one["estimate"] for side, one in found["sides"].items()} == {"a": -1, "b": 1}
    assert all(one["n"] == one["n_raters"] == 20 and one["low"] < one["high"] for one in found["sides"].values())
    unknown = Blinding.of(guess_frame([(*row[:3], None) for row in rows]), "base")
    assert unknown.sides == {} and unknown.all.as_json()["n"] == 40
