"""What keeps live questions within bounds: lengths, rates, the queue, and which systems are drawn."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ppai.live.drawing import Drawn, draw, matchups
from ppai.live.guards import HOUR, Rates, length_fault
from ppai.live.line import GONE_SECONDS, Line
from ppai.personal import personal_kinds
from ppai.schema import Pair, StudyConfig, System


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        ("   short   ", "too_short"),
        ("just right", None),
        ("x" * 20, None),
        (" " + "x" * 20 + "\n", None),
        ("x" * 21, "too_long"),
    ],
)
def test_length_is_counted_without_the_blanks_around(question: str, fault: str | None) -> None:
    assert length_fault(question, 10, 20) == fault


def test_the_hour_of_a_rate_moves() -> None:
    rates = Rates(per_rater=2, overall=3)
    assert [rates.take("ann", now) for now in (0, 600)] == [None, None]
    assert rates.take("ann", 1200) == ("rate", 2400)
    assert rates.take("bob", 1200) is None
    assert rates.take("cyd", 1201.5) == ("overall", 2399)
    assert rates.take("ann", HOUR) is None, "a refused question is not counted"
    assert rates.take("bob", HOUR) == ("overall", 600)


def test_the_queue_is_first_come_first_served() -> None:
    line = Line(at_once=2, longest=2)
    for name in "abcd":
        line.join(name, 0)
    assert line.serve() == ["a", "b"] and line.serve() == [] and line.full
    assert [line.place(name) for name in "acd"] == [0, 1, 2]
    line.leave("b")
    assert line.serve() == ["c"] and line.place("d") == 1 and not line.full
    line.leave("a")
    line.leave("a")
    assert line.serve() == ["d"]


def test_who_does_not_look_loses_her_place_and_who_is_served_does_not() -> None:
    line = Line(at_once=1, longest=5)
    for name in "abc":
        line.join(name, 0)
    line.serve()
    line.seen("c", 15)
    line.seen("nobody", 15)
    assert line.drop_gone(GONE_SECONDS + 1) == ["b"]
    assert line.place("c") == 1


def test_a_queue_of_none_answers_whom_there_is_room_for() -> None:
    line = Line(at_once=1, longest=0)
    assert not line.full
    line.join("a", 0)
    line.serve()
    assert line.full


def config(**given: object) -> StudyConfig:
    systems = tuple(System(id=name) for name in ("x", "y", "z"))
    return StudyConfig.model_validate({"systems": systems, **given})


def test_the_matchups_are_those_that_the_study_compares_and_that_can_answer() -> None:
    able = ("x", "y", "z")
    assert matchups(config(), (), able) == [{"x", "y"}, {"x", "z"}, {"y", "z"}]
    assert matchups(config(pairs="reference", reference="y"), (), able) == [{"x", "y"}, {"y", "z"}]
    assert matchups(config(), (), ("x", "z")) == [{"x", "z"}]
    pairs = [Pair(prompt_id=str(number), first="y", second="z") for number in range(3)]
    assert matchups(config(pairs="pairs.jsonl"), pairs, able) == [{"y", "z"}]


def test_the_fewest_comparisons_are_drawn_with_sides_by_chance() -> None:
    choices = matchups(config(), (), ("x", "y", "z"))
    counts = {frozenset("xy"): 3, frozenset("xz"): 2}
    found = draw(choices, counts, random.Random(1))
    assert (found.matchup, found.rule) == ({"y", "z"}, "live, random: 1 of 1 matchups at 0 comparisons")
    rng, drawn = random.Random(2), Counter[tuple[str, str]]()
    for _ in range(600):
        one: Drawn = draw(choices, {}, rng)
        drawn[(one.system_a, one.system_b)] += 1
    assert len(drawn) == 6 and min(drawn.values()) > 70
    assert len({draw(choices, {}, rng).seed for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Write to jane.doe+kids@mail.example.org", ("email",)),
        ("Call (555) 123-4567 or +49 170 1234567", ("phone",)),
        ("It says so on www.example.com/sleep and example.org", ("url",)),
        ("u/tired_mom and @super.dad said", ("user_name",)),
        ("We live at 12 Oak Street, please help", ("address",)),
        ("Wir wohnen in der Hauptstraße 5", ("address",)),
        ("Vivimos en la calle Mayor, 12", ("address",)),
        ("My 3 year old sleeps from 7.30 to 6.15 and drives me crazy 24/7", ()),
        ("He is 4.5 years, weighs 16 kg; we tried 2 things (e.g. reading)...", ()),
    ],
)
def test_personal_data_is_noticed(text: str, kinds: tuple[str, ...]) -> None:
    assert personal_kinds(text) == kinds
