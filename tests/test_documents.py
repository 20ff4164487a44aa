"""The documents keep up with the code: settings, commands, and files that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from ppai.__main__ import app
from ppai.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "data_to_share/README.md",
        "docs/coverage.md",
        "docs/curation.md",
        "docs/generation.md",
        "docs/judging.md",
        "docs/live.md",
        "docs/statistics.md",
        "docs/synthetic.md",
        "docs/training.md",
    )
]


@pytest.mark.parametrize("name", sorted(field.alias or "" for field in Settings.model_fields.values()))
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


def test_every_command_is_in_the_readme() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    names = [f"ppai {name}" for name in commands if name != "study"]
    names += [f"ppai study {name}" for name in commands["study"].commands]
    assert [name for name in names if name not in README] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_placeholder_is_left(document: Path) -> None:
    assert re.findall(r"^[A-Z_]{6,}$|TODO|FIXME|XXX", document.read_text(encoding="utf-8"), re.MULTILINE) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_are_there(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_the_front_matter_is_a_spaces() -> None:
    import yaml

    front = yaml.safe_load(README.split("---")[1])
    assert front["sdk"] == "gradio" and (ROOT / front["app_file"]).exists() and front["license"] == "apache-2.0"
    wanted = next(line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("gradio"))
    low = re.search(r">=([0-9.]+)", wanted)
    assert low is not None and front["sdk_version"].startswith(low[1])
