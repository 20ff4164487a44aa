"""Which pair comes next: none twice, the least voted first, no piling up, and few hidden repeats."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from ppai.assign import REPEAT_DISTANCE, REPEAT_SHARE, Draw, next_item, repeatable
from ppai.schema import Arm, Assignment, VoteStatus
from ppai.store.base import Given, Item

Key = tuple[int, Arm]


def entry(draw: Draw, rater: str, order: int, status: VoteStatus | None) -> Given:
    shown = Assignment(
        assignment_id=f"{rater}-{order}",
        prompt_id=f"p{draw.pair_id}",
        system_a="x",
        system_b="y",
        rater=rater,
        arm=draw.arm,
        repeat=draw.repeat,
    )
    return Given(shown, draw.pair_id, order, status, 0 if status is None else 1, 0.0, 0.0)


class Field:
    """A small world of raters and pairs that keeps the tallies a store would keep."""

    def __init__(self, n_pairs: int, arms: tuple[Arm, ...] = (Arm.AS_IS,), overlap: int = 3, seed: int = 1) -> None:
        self.items = {(n, arm): Item(n, arm, 0, 0) for n in range(n_pairs) for arm in arms}
        self.given: dict[str, list[Given]] = {}
        self.overlap = overlap
        self.rng = random.Random(seed)

    def open_elsewhere(self, rater: str) -> Counter[Key]:
        return Counter(
            (one.pair_id, one.assignment.arm)
            for other, entries in self.given.items()
            for one in entries
            if other != rater and one.status is None and not one.assignment.repeat
        )

    def draw(self, rater: str, **options: bool) -> Draw | None:
        mine = self.given.setdefault(rater, [])
        drawn = next_item(
            list(self.items.values()), self.open_elsewhere(rater), mine, self.overlap, self.rng, **options
        )
        if drawn is not None:
            mine.append(entry(drawn, rater, len(mine), None))
            key = (drawn.pair_id, drawn.arm)
            if not drawn.repeat:
                assert drawn.showing == self.items[key].n_shown
                self.items[key] = replace(self.items[key], n_shown=self.items[key].n_shown + 1)
        return drawn

    def answer(self, rater: str, status: VoteStatus = VoteStatus.SUBMITTED) -> None:
        last = self.given[rater][-1]
        self.given[rater][-1] = replace(last, status=status)
        if status is VoteStatus.SUBMITTED and not last.assignment.repeat:
            key = (last.pair_id, last.assignment.arm)
            self.items[key] = replace(self.items[key], n_votes=self.items[key].n_votes + 1)


@given_by(
    n_pairs=st.integers(1, 25),
    raters=st.integers(1, 5),
    overlap=st.integers(1, 4),
    both=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_every_session_keeps_the_rules(n_pairs: int, raters: int, overlap: int, both: bool, seed: int) -> None:
    arms = (Arm.AS_IS, Arm.PLAIN) if both else (Arm.AS_IS,)
    field = Field(n_pairs, arms, overlap, seed)
    names = [f"r{n}" for n in range(raters)]
    waiting = list(names)
    while waiting:
        rater = field.rng.choice(waiting)
        before = {key: item.n_votes for key, item in field.items.items()}
        mine = list(field.given.get(rater, ()))
        elsewhere = field.open_elsewhere(rater)
        drawn = field.draw(rater)
        if drawn is None:
            had = {(one.pair_id, one.assignment.arm) for one in mine}
            loads = {key: votes + elsewhere[key] / 2 for key, votes in before.items()}
            assert all(load >= overlap for key, load in loads.items() if key not in had)
            waiting.remove(rater)
            continue
        key = (drawn.pair_id, drawn.arm)
        had = {(one.pair_id, one.assignment.arm): one for one in mine if not one.assignment.repeat}
        if drawn.repeat:
            first = had[key]
            assert first.status is VoteStatus.SUBMITTED
            assert len(mine) - 1 - first.order >= REPEAT_DISTANCE
            assert not any(o.pair_id == key[0] and o.assignment.arm is key[1] and o.assignment.repeat for o in mine)
        else:
            assert key not in had
            loads = {k: before[k] + elsewhere[k] / 2 for k in before}
            assert loads[key] < overlap
            new_pairs = {k for k in before if k not in had and loads[k] < overlap}
            unseen = {k for k in new_pairs if k[0] not in {pair for pair, _ in had}}
            candidates = unseen or new_pairs
            assert key in candidates
            assert loads[key] == min(loads[k] for k in candidates)
        field.answer(rater, field.rng.choice([VoteStatus.SUBMITTED, VoteStatus.SUBMITTED, VoteStatus.SKIPPED]))


def test_nothing_is_left_after_everything_was_given() -> None:
    field = Field(12, overlap=100)
    while field.draw("r") is not None:
        field.answer("r")
    given = field.given["r"]
    assert {one.pair_id for one in given} == set(range(12))
    assert all(field.draw("r") is None for _ in range(200)), "no hidden repeat where nothing new is left"
    assert next_item([], {}, [], 3, random.Random(1)) is None


def test_the_overlap_ends_it_unless_more_is_wanted() -> None:
    full = [Item(1, Arm.AS_IS, 3, 3), Item(2, Arm.AS_IS, 4, 4)]
    assert next_item(full, {}, [], 3, random.Random(1)) is None
    more = next_item(full, {}, [], 3, random.Random(1), beyond_overlap=True)
    assert more is not None and more.pair_id == 1 and "beyond overlap" in more.rule
    wanted = [*full, Item(3, Arm.AS_IS, 2, 9)]
    drawn = next_item(wanted, {}, [], 3, random.Random(1), beyond_overlap=True)
    assert drawn is not None and drawn.pair_id == 3 and "beyond" not in drawn.rule


def test_equals_are_drawn_with_equal_chance() -> None:
    items = [Item(n, Arm.AS_IS, 1, 1) for n in range(8)] + [Item(8, Arm.AS_IS, 2, 2)]
    rng = random.Random(20_240)
    draws = [next_item(items, {}, [], 3, rng) for _ in range(8_000)]
    counts = Counter(draw.pair_id for draw in draws if draw is not None)
    assert counts[8] == 0
    assert chisquare([counts[n] for n in range(8)]).pvalue > 0.001
    assert draws[0] is not None and draws[0].rule == "random: 1 of 8 at load 1"


def test_an_item_open_elsewhere_is_half_taken() -> None:
    items = [Item(1, Arm.AS_IS, 0, 2), Item(2, Arm.AS_IS, 0, 1), Item(3, Arm.AS_IS, 1, 1)]
    one = next_item(items, {(1, Arm.AS_IS): 2, (2, Arm.AS_IS): 1}, [], 3, random.Random(1))
    assert one is not None and one.pair_id == 2 and one.rule.endswith("at load 0.5")
    assert one.showing == 1
    equal = {
        draw.pair_id
        for seed in range(50)
        if (draw := next_item(items[::2], {(1, Arm.AS_IS): 2}, [], 3, random.Random(seed)))
    }
    assert equal == {1, 3}


@pytest.mark.parametrize("raters", [50, 150, 230])
def test_raters_who_start_at_once_do_not_pile_on_one_pair(raters: int) -> None:
    field = Field(100)
    for n in range(raters):
        assert field.draw(f"r{n}") is not None
    shown = [item.n_shown for item in field.items.values()]
    assert max(shown) - min(shown) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_raters_at_work_do_not_pile_on_the_last_pairs(seed: int) -> None:
    field = Field(100, overlap=3, seed=seed)
    raters = [f"r{n}" for n in range(50)]
    for rater in raters:
        field.draw(rater)
    while raters:
        rater = field.rng.choice(raters)
        field.answer(rater)
        if field.draw(rater) is None:
            raters.remove(rater)
        open_now = field.open_elsewhere("")
        votes = {key: item.n_votes for key, item in field.items.items()}
        assert max(open_now.values(), default=0) <= 4
        taken = [votes[key] + open_now[key] for key in votes]
        assert max(taken) - min(taken) <= 3
    assert min(votes.values()) >= 2
    assert max(votes.values()) <= 5


def test_about_one_in_twenty_is_a_hidden_repeat() -> None:
    field = Field(1_000, overlap=1, seed=3)
    for _ in range(900):
        field.draw("r")
        field.answer("r")
    given = field.given["r"]
    repeats = [one for one in given if one.assignment.repeat]
    assert binomtest(len(repeats), len(given) - REPEAT_DISTANCE, REPEAT_SHARE).pvalue > 0.001
    assert max(Counter(one.pair_id for one in repeats).values()) == 1
    assert all(one.assignment.repeat == 1 for one in repeats)
    first = {one.pair_id: one.order for one in given if not one.assignment.repeat}
    assert min(one.order - first[one.pair_id] for one in repeats) > REPEAT_DISTANCE


def test_only_answered_pairs_of_long_ago_are_repeatable() -> None:
    field = Field(30, overlap=1)
    for n in range(REPEAT_DISTANCE + 1):
        assert repeatable(field.given.get("r", [])) == []
        field.items = {(n, Arm.AS_IS): Item(n, Arm.AS_IS, 0, 0), (99, Arm.AS_IS): Item(99, Arm.AS_IS, 1, 0)}
        field.draw("r")
        field.answer("r", VoteStatus.SKIPPED if n == 1 else VoteStatus.SUBMITTED)
    mine = field.given["r"]
    assert [one.order for one in repeatable(mine)] == [0]
    later = [*mine, entry(Draw(50, Arm.AS_IS, 0, 0, ""), "r", len(mine), VoteStatus.SUBMITTED)]
    assert [one.order for one in repeatable(later)] == [0], "a skipped pair is not shown again"
    repeated = [*later, entry(Draw(0, Arm.AS_IS, 1, 0, ""), "r", len(later), VoteStatus.SUBMITTED)]
    assert 0 not in [one.order for one in repeatable(repeated)]


def test_the_second_arm_of_a_pair_comes_after_every_pair_in_a_first() -> None:
    for seed in range(20):
        field = Field(9, (Arm.AS_IS, Arm.PLAIN), overlap=1, seed=seed)
        drawn = []
        while (draw := field.draw("r")) is not None:
            drawn.append(draw)
            field.answer("r")
        new = [draw for draw in drawn if not draw.repeat]
        assert sorted(draw.pair_id for draw in new[:9]) == list(range(9))
        assert sorted(draw.pair_id for draw in new[9:]) == list(range(9))
        assert len({draw.arm for draw in new[:9]}) == 2 or seed
