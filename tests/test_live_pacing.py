"""At which pace two answers are shown: together, equally fast, and neither ends before its text is out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ppai.live.pacing import Pace

LONG = " ".join(f"word{number}" for number in range(40))
SHORT = "only five words of text"


def words(text: str) -> int:
    return len(text.split())


def test_both_begin_once_both_have_begun() -> None:
    pace = Pace(10)
    pace.add(0, LONG, True, now=0)
    assert pace.shown(5).texts == ("", "") and pace.shown(5).ended == (False, False) and not pace.begun
    pace.add(1, "One more", False, now=6)
    assert pace.begun and pace.shown(6).texts == ("", "")
    pace.add(1, " and its end", True, now=6)
    first, second = pace.shown(6.3).texts
    assert words(first) == words(second) == 3


def test_an_end_is_shown_when_the_text_is_out_and_not_before() -> None:
    pace = Pace(10)
    pace.add(0, SHORT, True, now=0)
    pace.add(1, LONG, True, now=0)
    assert pace.shown(0.4).ended == (False, False)
    at_end = pace.shown(0.5)
    assert (at_end.texts[0], at_end.ended, at_end.complete) == (SHORT, (True, False), False)
    assert words(at_end.texts[1]) == 5
    assert not pace.shown(3.9).complete and pace.shown(4.0).complete
    assert pace.shown(9).texts == pace.texts == (SHORT, LONG)


def test_both_are_as_slow_as_the_slower_one() -> None:
    pace = Pace(10)
    pace.add(0, LONG, True, now=0)
    pace.add(1, "a b c d ", False, now=0)
    stalled = pace.shown(30).texts
    assert [words(text) for text in stalled] == [3, 3], "the last word may still grow"
    pace.add(1, "e f", True, now=30)
    assert [words(text) for text in pace.shown(30).texts] == [3, 3], "time in which nothing came is not caught up"
    assert [words(text) for text in pace.shown(30.2).texts] == [5, 5]


def test_the_rest_of_the_longer_answer_tells_not_which_of_the_two_was_slow() -> None:
    """The shorter answer is of the slow system, and then of the fast one: the longer goes on alike."""
    found = []
    for slow in (0, 1):
        pace, seen = Pace(12), []
        texts = [" ".join(["word"] * 15).split(), " ".join(["word"] * 60).split()]
        pace.add(1 - slow, " ".join(texts[1 - slow]), True, now=0)
        for second in range(70):
            said = texts[slow][second * 3 : second * 3 + 3]
            if said:
                last = second * 3 + 3 >= len(texts[slow])
                pace.add(slow, " ".join(said) + ("" if last else " "), last, now=second)
            seen.append(pace.shown(second + 1).texts)
        long = [words(one[1]) for one in seen]
        end = next(second for second, one in enumerate(seen) if words(one[0]) == 15)
        found.append([later - before for before, later in zip(long[end:], long[end + 1 : end + 10], strict=False)])
        assert long[-1] == 60
    assert all(1 <= pace <= 3 for paces in found for pace in paces), found


def test_a_pace_that_was_never_held_back_stays() -> None:
    pace = Pace(10)
    pace.add(0, SHORT, True, now=0)
    pace.add(1, LONG, True, now=0)
    assert [words(pace.shown(second / 2).texts[1]) for second in (1, 2, 4, 8)] == [5, 10, 20, 40]


def test_a_silent_answer_ends_with_the_others_first_words() -> None:
    pace = Pace(10)
    pace.add(0, "  \n", True, now=0)
    assert pace.shown(1).ended == (False, False)
    pace.add(1, SHORT, True, now=1)
    assert (pace.shown(1).ended, pace.shown(2).texts) == ((True, False), ("", SHORT))


def test_writing_without_spaces_is_shown_in_parts() -> None:
    pace = Pace(10)
    pace.add(0, "字" * 100, True, now=0)
    pace.add(1, LONG, True, now=0)
    assert len(pace.shown(0.2).texts[0]) == 48 and pace.shown(9).texts[0] == "字" * 100


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.text(alphabet="ab \n", max_size=12), st.floats(0.0, 2.0)),
        min_size=1,
        max_size=30,
    )
)
def test_neither_side_is_ever_ahead_and_what_was_shown_stays(pieces: list[tuple[int, str, float]]) -> None:
    pace, now = Pace(8), 0.0
    before = ("", "")
    for place, text, passed in pieces:
        now += passed
        pace.add(place, text, False, now)
        shown = pace.shown(now).texts
        assert all(new.startswith(old) for new, old in zip(shown, before, strict=True))
        assert words(shown[0]) == words(shown[1])
        before = shown
    for place in (0, 1):
        pace.add(place, "", True, now)
    done = pace.shown(now + 1000)
    assert done.complete and done.texts == pace.texts
    assert pace.texts == tuple("".join(t for p, t, _ in pieces if p == place).strip() for place in (0, 1))
