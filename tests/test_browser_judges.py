"""The results page on judges and metrics in a browser: trust, warnings beside names, scores, laptop and phone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from serving import App, serving
from test_browser_accessibility import LOOKS, fits, violations
from visits import LAPTOP, PHONE, Visits
from voted_study import voted_study

from ppai.schema import DEFAULT_CRITERIA, Arm, Scores
from ppai.scored import scored_texts
from ppai.ui.metric_tables import DESCRIPTION, FAMILIES

SEEN = "openai:gpt-4o-2024-08-06"
"""A judge that saw names, in one order."""


@pytest.fixture(scope="module")
def judged_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    study = voted_study()
    seen = [
        verdict.model_copy(update={"judge": SEEN, "named": True, "usage": {"cost_usd": 0.01}})
        for verdict in study.verdicts
        if verdict.judge == "mild-judge" and verdict.system_a == "plain" and verdict.unscored is None
    ]
    longer = [
        response.model_copy(update={"text": f"- {response.text}"}) if response.system == "plain" else response
        for response in study.responses
    ]
    study = study.model_copy(update={"verdicts": (*study.verdicts, *seen), "responses": tuple(longer)})
    with serving(study, tmp_path_factory.mktemp("judged")) as app:
        yield app


def scoring(encoder: str, f1: float) -> Scores:
    def figure(estimate: float, **more: Any) -> dict[str, Any]:
        return {"estimate": estimate, "low": estimate - 0.01, "high": estimate + 0.01, "n": 32, "method": "b"} | more

    both = {"plain": {"bertscore_f1": figure(f1)}, "tuned": {"bertscore_f1": figure(f1 + 0.05)}}
    return Scores(
        name=encoder,
        references="answers.jsonl",
        encoder=encoder,
        systems=both,
        differences={"tuned>plain": {"bertscore_f1": figure(0.05, p=0.002)}},
        created_at=datetime.now(UTC),
    )


def described(alone: bool, **more: Any) -> Scores:
    """Scores with every figure that the page knows, of BLEU or of the responses alone."""
    names = DESCRIPTION.figures if alone else FAMILIES[0].figures
    figure = {"estimate": 0.0812, "low": -0.0812, "high": 0.1234, "n": 32, "method": "b"}
    return Scores(
        name=f"figures {alone}",
        references=None if alone else "answers.jsonl",
        systems={system: dict.fromkeys(names, figure) for system in ("plain", "tuned")},
        differences={"tuned>plain": dict.fromkeys(names, figure | {"p": 0.002})},
        created_at=datetime.now(UTC),
        **more,
    )


def add_scores(app: App, *scorings: Scores) -> None:
    store = app.store()
    for one in scorings:
        store.set_scores(app.study.name, one)
    store.close()


def opened(page: Page, app: App) -> Page:
    page.goto(f"{app.url}/results")
    expect(page.get_by_test_id("study")).to_be_visible()
    return page


def section(page: Page, name: str) -> Locator:
    return page.locator(f'[data-section="{name}"]')


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def test_each_judges_trust_is_told_for_the_criterion_chosen(judged_app: App, visits: Visits) -> None:
    page = opened(visits.page(), judged_app)
    trust = section(page, "trust")
    table = trust.get_by_role("table", name="Trust in each judge on overall")
    headings = table.get_by_role("columnheader")
    expect(headings).to_have_text(["Figure", "people", "mild-judge", "strict-judge", f"{SEEN} ⚠ saw names, one order"])
    row = table.get_by_role("row").filter(has_text="Same outcome in both orders")
    expect(row.get_by_role("cell").nth(1)).to_contain_text("n 2")
    expect(row.get_by_role("cell").nth(3)).to_have_text("–1")
    expect(table.locator("tfoot li").first).to_contain_text("one order")
    page.get_by_role("combobox", name="Criterion").select_option("clarity")
    expect(trust.get_by_role("table", name="Trust in each judge on clarity")).to_be_visible()
    trust.get_by_text("Every criterion", exact=True).click()
    everything = trust.get_by_role("table", name="Trust in each judge on every criterion")
    expect(everything.locator("tbody tr")).to_have_count(4 * len(DEFAULT_CRITERIA))


def test_what_was_asked_cannot_be_used_and_was_paid_is_told(judged_app: App, visits: Visits) -> None:
    table = section(opened(visits.page(), judged_app), "trust").get_by_role("table", name="What each judge was asked")
    cost = table.get_by_role("row").filter(has_text="Cost").get_by_role("cell")
    expect(cost).to_have_text(["unknown", "unknown", "$0.29"])
    unscored = table.get_by_role("row").filter(has_text="Unscored").get_by_role("cell")
    expect(unscored).to_have_text(["66 unreadable", "66 unreadable", "0"])
    orders = table.get_by_role("row").filter(has_text="Orders").get_by_role("cell")
    expect(orders).to_contain_text(["both", "both", "one only"])


def test_a_judge_that_saw_names_is_warned_of_in_every_table_and_chart(judged_app: App, visits: Visits) -> None:
    page = opened(visits.page(), judged_app)
    unfold(page)
    for name in ("shares", "forest", "trust", "topics", "texts"):
        part = section(page, name)
        for table in part.get_by_role("table").filter(has_text=SEEN).all():
            expect(table.get_by_text("⚠ saw names, one order").first).to_be_visible()
        if name == "topics":
            continue  # its chart has people and the first judge without a warning alone
        chart = part.locator("[data-figure]")
        chart.scroll_into_view_if_needed()
        # A heading that is wrapped has nothing where its line breaks.
        told = re.compile(r"\(saw names,\s*one\s*order\)" if name == "forest" else "⚠ saw names, one order")
        expect(chart.locator("text").filter(has_text=told).first).to_be_visible()
        assert f"{SEEN} (saw names, one order)" in str(chart.get_attribute("aria-label"))


def test_scores_that_are_added_appear_without_a_restart(judged_app: App, visits: Visits) -> None:
    page = opened(visits.page(accept_downloads=True), judged_app)
    add_scores(judged_app, scoring("minilm", 0.6))
    opened(page, judged_app)
    part = section(page, "metrics")
    expect(part.get_by_role("table")).to_have_count(1)
    add_scores(judged_app, scoring("minilm", 0.7), scoring("roberta-large", 0.8))
    opened(page, judged_app)
    for encoder, f1 in (("minilm", "0.7000"), ("roberta-large", "0.8000")):
        table = part.get_by_role("table", name=f"BERTScore against answers.jsonl by encoder {encoder}")
        headings = ["Figure", "Plain & simple", "Tuned <b>", "Tuned <b> − Plain & simple"]
        expect(table.get_by_role("columnheader")).to_have_text(headings)
        expect(table.get_by_role("row", name=f"F1 {f1}")).to_contain_text("p = 0.002")
    with page.expect_download() as saving:
        part.get_by_role("button", name="CSV").click()
    raw = Path(saving.value.path()).read_text(encoding="utf-8-sig")
    assert {row["encoder"] for row in csv.DictReader(io.StringIO(raw))} == {"minilm", "roberta-large"}


def test_headings_of_judges_and_metrics_speak_the_language_chosen(judged_app: App, visits: Visits) -> None:
    page = opened(visits.page(locale="es-ES"), judged_app)
    expect(page.get_by_role("heading", name="Hasta dónde fiarse de cada juez")).to_be_visible()
    expect(section(page, "trust").get_by_role("rowheader", name="Gana la mostrada primero").first).to_be_visible()


@LOOKS
def test_everything_unfolded_fits_and_is_accessible(
    judged_app: App, visits: Visits, size: dict[str, int], scheme: Any
) -> None:
    add_scores(judged_app, scoring("minilm", 0.7), scoring("roberta-large", 0.8))
    page = opened(visits.page(size, color_scheme=scheme), judged_app)
    unfold(page)
    for name in ("trust", "texts", "metrics"):
        section(page, name).scroll_into_view_if_needed()
    expect(section(page, "texts").locator("[data-figure]")).to_have_attribute("data-drawn", "true")
    assert fits(page)
    assert violations(page) == []


def test_no_table_of_two_systems_is_cut_off_on_a_laptop(judged_app: App, visits: Visits) -> None:
    add_scores(judged_app, *map(described, (False, True)))
    page = opened(visits.page(LAPTOP), judged_app)
    unfold(page)
    cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent.slice(0, 80))"
    assert page.locator(".ppai-scroll").evaluate_all(cut) == []


def test_a_phone_shows_the_first_systems_figures_and_that_a_table_scrolls(judged_app: App, visits: Visits) -> None:
    add_scores(judged_app, *map(described, (False, True)))
    page = opened(visits.page(PHONE), judged_app)
    unfold(page)
    for table in section(page, "metrics").locator(".ppai-scroll").all():
        reach = "(one) => one.getBoundingClientRect().right - one.querySelector('td').getBoundingClientRect().right"
        assert table.evaluate(reach) >= 0
    names = section(page, "trust").get_by_role("table", name="Trust in each judge on overall").locator("tbody th")
    assert max(names.evaluate_all("(all) => all.map((one) => one.offsetHeight)")) < 4 * 24
    shares = section(page, "shares").locator(".ppai-scroll")
    shade = shares.evaluate("(one) => getComputedStyle(one).backgroundAttachment")
    assert shade == "local, local, scroll, scroll"


def test_figures_of_earlier_texts_carry_a_warning(judged_app: App, visits: Visits) -> None:
    now = scored_texts(judged_app.study, Arm.AS_IS)
    add_scores(judged_app, described(False, texts=now))
    part = section(opened(visits.page(), judged_app), "metrics")
    expect(part.get_by_role("table", name="BLEU")).to_be_visible()
    expect(part.get_by_text("These figures are of earlier texts")).to_have_count(0)
    add_scores(judged_app, described(False, texts="0" * 16))
    part = section(opened(visits.page(), judged_app), "metrics")
    expect(part.get_by_text("These figures are of earlier texts")).to_be_visible()
