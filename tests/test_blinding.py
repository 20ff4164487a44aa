"""Sides are fair, balanced and the same after a restart; tokens and codes cannot be made up."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner
from scipy.stats import binomtest

from ppai.blinding import (
    _CODE_ALPHABET,
    ItemTokens,
    new_code,
    normal_code,
    rater_hash,
    sides,
    start_swapped,
)
from ppai.errors import TokenError, TokenExpired
from ppai.schema import Arm, Pair

KEYS = st.binary(min_size=16, max_size=64)
IDS = st.text(min_size=1, max_size=20)
PAIRS = st.builds(Pair, prompt_id=IDS, first=st.just("x"), second=st.just("y"))
ARMS = st.sampled_from(Arm)


@given(KEYS, PAIRS, ARMS, st.integers(0, 1000))
def test_sides_are_those_of_the_pair_and_alternate_by_showing(key: bytes, pair: Pair, arm: Arm, showing: int) -> None:
    now, then = sides(key, pair, arm, showing), sides(key, pair, arm, showing + 1)
    assert set(now) == {pair.first, pair.second}
    assert then == now[::-1]
    assert sides(key, pair, arm, showing) == now


@given(KEYS, PAIRS, ARMS, st.integers(1, 40))
def test_after_any_number_of_showings_a_pair_is_balanced_to_within_one(
    key: bytes, pair: Pair, arm: Arm, n: int
) -> None:
    at_a = [sides(key, pair, arm, showing)[0] for showing in range(n)]
    assert abs(at_a.count("x") - at_a.count("y")) == n % 2


def test_who_starts_at_a_is_a_fair_coin_over_pairs_whatever_the_secret() -> None:
    pairs = [Pair(prompt_id=f"p{n}", first="x", second="y") for n in range(400)]
    for arm in Arm:
        for key in (secrets.token_bytes(32), b"a fixed secret of no meaning"):
            heads = sum(start_swapped(key, pair, arm) for pair in pairs)
            assert binomtest(heads, len(pairs)).pvalue > 1e-6


def test_another_secret_another_arm_and_another_prompt_draw_anew() -> None:
    pairs = [Pair(prompt_id=f"p{n}", first="x", second="y") for n in range(200)]

    def drawn(key: bytes, arm: Arm) -> list[bool]:
        return [start_swapped(key, pair, arm) for pair in pairs]

    first = drawn(b"one", Arm.AS_IS)
    for other in (drawn(b"two", Arm.AS_IS), drawn(b"one", Arm.PLAIN)):
        same = sum(a == b for a, b in zip(first, other, strict=True))
        assert binomtest(same, len(pairs)).pvalue > 1e-6
    assert len(set(first)) == 2


@given(KEYS, st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_a_token_names_what_was_signed(key: bytes, item: str) -> None:
    tokens = ItemTokens(key, 60)
    assert tokens.read(tokens.sign(item)) == item


@given(KEYS, KEYS)
def test_a_token_of_another_secret_is_refused(key: bytes, other: bytes) -> None:
    if key != other:
        with pytest.raises(TokenError):
            ItemTokens(other, 60).read(ItemTokens(key, 60).sign("item"))


@given(st.data())
def test_an_altered_token_is_refused(data: st.DataObject) -> None:
    tokens = ItemTokens(b"k" * 32, 60)
    token = tokens.sign("f" * 32)
    place = data.draw(st.integers(0, len(token) - 2))  # the last letter of base64 has unused bits
    letter = data.draw(st.sampled_from("abcXYZ019-_.").filter(lambda one: one != token[place]))
    with pytest.raises(TokenError) as raised:
        tokens.read(token[:place] + letter + token[place + 1 :])
    assert not isinstance(raised.value, TokenExpired)


@given(st.text(max_size=200))
def test_whatever_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        ItemTokens(b"k" * 32, 60).read(text)


def test_an_expired_token_says_what_it_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = ItemTokens(b"k" * 32, 60)
    token = tokens.sign("item-1")
    now = TimestampSigner(b"k").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: now + 59)
    assert tokens.read(token) == "item-1"
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: now + 63)
    with pytest.raises(TokenExpired) as raised:
        tokens.read(token)
    assert raised.value.item == "item-1"
    with pytest.raises(TokenError) as forged:
        tokens.read(token[:-4] + "AAAA")
    assert not isinstance(forged.value, TokenExpired)


def test_codes_are_random_and_read_as_they_are_written() -> None:
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500
    assert all(normal_code(code) == code for code in codes)


@given(st.lists(st.sampled_from(_CODE_ALPHABET), min_size=12, max_size=12), st.data())
def test_a_code_is_understood_however_it_is_typed(letters: list[str], data: st.DataObject) -> None:
    code = "-".join("".join(letters[at : at + 4]) for at in (0, 4, 8))
    typed = ""
    for letter in letters:
        typed += data.draw(st.sampled_from(["", " ", "-", "–", "\t", ".", " - "]))
        typed += letter.lower() if data.draw(st.booleans()) else letter
    assert normal_code(typed) == code


@given(st.text(max_size=40))
def test_a_normal_code_is_a_fixed_point_and_anything_else_is_none(typed: str) -> None:
    code = normal_code(typed)
    assert code is None or normal_code(code) == code


@pytest.mark.parametrize("typed", ["", "7KQM-2XRT-P9W", "7KQM-2XRT-P9WDD", "OKQM-2XRT-P9WD", "7KQM-2XRT-P9Wß"])
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert normal_code(typed) is None


def test_a_rater_id_never_contains_the_code_and_depends_on_the_salt() -> None:
    for _ in range(200):
        code = new_code()
        rater = rater_hash(b"salt", code)
        assert rater == rater_hash(b"salt", code) != rater_hash(b"other", code)
        assert rater[0] == "r" and len(rater) == 17
        # Four of its signs may stand in the hash by chance, as eight do once in many million.
        assert code not in rater and code.replace("-", "").lower()[:8] not in rater
