"""Live questions are served only where they are on and can be answered; else the app says why in one line."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from live_questions import Script
from rating import rating_study

from ppai.errors import MissingPackage, PPAIError
from ppai.live.arena import Arena
from ppai.schema import StudyConfig
from ppai.settings import Settings, read_settings
from ppai.studyfiles import write_general
from ppai.ui.serve import open_context

ROOT = Path(__file__).parents[1]


def settings_of(tmp_path: Path, **given: Any) -> Settings:
    write_general(rating_study(), tmp_path / "study")
    return read_settings(database_url=f"sqlite:///{tmp_path / 'ppai.db'}", study=tmp_path / "study", **given)


def test_the_context_has_an_arena_where_live_questions_are_on(tmp_path: Path) -> None:
    asked: list[tuple[str, Path]] = []

    def scripted(config: StudyConfig, directory: Path, settings: Settings) -> Script:
        asked.append((config.name, directory))
        return Script()

    off = open_context(settings_of(tmp_path), None, open_answerers=scripted)
    assert off.arena is None and asked == []
    off.store.close()
    on = open_context(settings_of(tmp_path, live=True), None, open_answerers=scripted)
    assert isinstance(on.arena, Arena) and asked == [("rated", tmp_path / "study")]
    assert on.arena.act({"act": "open"})["state"] == "welcome"
    on.store.close()


def test_systems_that_cannot_answer_are_said_before_anything_is_stored(tmp_path: Path) -> None:
    def refusing(*_: Any) -> Script:
        raise MissingPackage("torch", "live")

    settings = settings_of(tmp_path, live=True)
    with pytest.raises(PPAIError, match=r"pip install 'ppai\[live\]'"):
        open_context(settings, None, open_answerers=refusing)
    with pytest.raises(PPAIError, match="PPAI_LIVE"):
        open_context(settings, None)
    assert not (tmp_path / "ppai.db").exists()


def test_a_study_without_generation_ends_in_one_line(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    given = {"PPAI_LIVE": "1", "PPAI_STUDY": str(settings.study), "PPAI_DATABASE_URL": settings.database_url}
    asked: dict[str, Any] = {"capture_output": True, "text": True, "cwd": ROOT, "env": os.environ | given}
    done = subprocess.run([sys.executable, "app.py"], check=False, timeout=60, **asked)
    said = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 2 and len(said) == 1 and "generation" in said[0], said


def test_without_the_setting_nothing_of_it_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from ppai.settings import read_settings; from ppai.ui.serve import build, open_context\n"
        f"pages = build(open_context(read_settings(database_url='sqlite:///{tmp_path / 'ppai.db'}', "
        f"study={str(tmp_path / 'study')!r}), None))\n"
        "routes = str(pages.get_config_file()['pages'])\n"
        "assert 'results' in routes and 'live' not in routes, routes\n"
        "print([name for name in sys.modules if name.startswith(('ppai.live', 'ppai.ui.arena', 'torch', 'eval'))])"
    )
    settings_of(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_the_requirements_of_a_space_are_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["live"]
    lines = (ROOT / "requirements-live.txt").read_text().splitlines()
    assert "-r requirements.txt" in lines
    assert sorted(line for line in lines if line and not line.startswith(("#", "-"))) == sorted(extra)
