"""Prices by model, by one dated table that a file may add to; and tokens estimated from texts."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from eval.pricing import estimate_tokens, most_tokens, read_prices
from ppai.errors import PPAIError

PRICES = read_prices()


def test_gpt_4o_costs_what_the_table_says() -> None:
    price = PRICES.of("gpt-4o")
    assert price is not None and price.as_of is not None and price.as_of >= datetime.date(2026, 1, 1)
    assert price.source.startswith("https://")
    # 1,000 tokens in, 400 of them cached, 200 out: .6 * 2.50 + .4 * 1.25 + .2 * 10, in thousandths of a dollar.
    assert price.cost(1000, 200, cached_tokens=400) == pytest.approx(0.0040)
    assert price.cost(1000, 200, cached_tokens=400, batch=True) == pytest.approx(0.0020)


def test_a_dated_snapshot_has_its_own_row_or_its_models() -> None:
    assert PRICES.of("gpt-4o-2024-08-06") == PRICES.of("gpt-4o")
    own = PRICES.of("gpt-4o-2024-05-13")
    assert own is not None and own.input == 5.00
    mini = PRICES.of("gpt-4o-mini-2024-07-18")
    assert mini == PRICES.of("gpt-4o-mini") and mini is not None and mini.input == 0.15


@pytest.mark.parametrize(
    "model", ["gpt-4o-audio-preview", "ft:gpt-4o:mine", "openai/gpt-4o", "gpt-4", "gpt", "smollm2", ""]
)
def test_a_longer_or_unknown_name_has_no_price(model: str) -> None:
    assert PRICES.of(model) is None


def test_a_row_without_a_price_for_cached_input_pays_the_whole() -> None:
    price = PRICES.of("o1-pro")
    assert price is not None and price.cost(1000, 0, cached_tokens=1000) == price.cost(1000, 0)


def test_a_file_adds_rows_and_takes_the_place_of_others(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("as_of: 2026-11-01\nprices:\n  gpt-4o: {input: 1, output: 2}\n  local: {input: 0, output: 0}\n")
    prices = read_prices(file)
    gpt, local = prices.of("gpt-4o"), prices.of("local")
    assert gpt is not None and (gpt.input, gpt.cached_input, gpt.output) == (1, 1, 2)
    assert gpt.as_of == datetime.date(2026, 11, 1)
    assert local is not None and local.cost(10**9, 10**9) == 0
    assert prices.of("gpt-4o-mini") == PRICES.of("gpt-4o-mini")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prices: {gpt-4o: {input: -1, output: 2}}", "prices.gpt-4o.input"),
        ("prices: {gpt-4o: {input: 1}}", "prices.gpt-4o.output"),
        ("prices: {gpt-4o: {input: .nan, output: 2}}", "prices.gpt-4o.input"),
        ("prices: {gpt-4o: {input: 1, output: 2, outptu: 3}}", "prices.gpt-4o.outptu"),
        ("gpt-4o: {input: 1, output: 2}", "prices"),
        ("[1", "not YAML"),
        ("", "mine.yaml: "),
    ],
)
def test_a_wrong_table_names_file_and_field(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(PPAIError, match=words) as error:
        read_prices(file)
    assert "mine.yaml" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(PPAIError, match=r"--prices: .*none\.yaml cannot be read: No such file"):
        read_prices(tmp_path / "none.yaml")


def test_tokens_are_estimated_by_script_and_bounded_by_bytes() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("a" * 400) == 100
    assert estimate_tokens("ж" * 100 + "a" * 40) == 110
    assert most_tokens("ж" * 100 + "a" * 40) == 240
    assert most_tokens("\ud800") > 0
