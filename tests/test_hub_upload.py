"""Uploading an adapter: to a local stand-in of the hub, with all that can go wrong there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_hub import Hub, serving_hub

from finetune.hub import Repository
from ppai.errors import PPAIError

FILES = {"README.md": "card", "adapter_config.json": "{}", "run.json": "{}", "checkpoints/checkpoint-3/x.json": "{}"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving_hub(monkeypatch) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "adapter" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "adapter"


def test_the_adapter_is_uploaded_to_a_private_repository_without_its_checkpoints(hub: Hub, folder: Path) -> None:
    repository = Repository("ann/tuned")
    repository.open()
    assert hub.created[0]["name"] == "tuned" and hub.created[0]["visibility"] == "private"
    assert repository.upload(folder).endswith("/ann/tuned/commit/1")
    assert hub.sent == {"README.md", "adapter_config.json"}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "the hub does not accept the token in HF_TOKEN, or there is none"),
        (403, "the token in HF_TOKEN may not write it (status 403)"),
        (418, "the hub answers with status 418"),
    ],
)
def test_a_refusal_is_one_line_before_training(hub: Hub, status: int, told: str) -> None:
    hub.status = status
    with pytest.raises(PPAIError) as refused:
        Repository("ann/tuned").open()
    assert str(refused.value) == f"--push-to-hub: ann/tuned cannot be written: {told}"


def test_a_hub_that_is_not_there_is_one_line(hub: Hub, folder: Path) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(PPAIError, match=r"^--push-to-hub: ann/tuned cannot be written: the hub cannot be reached$"):
        Repository("ann/tuned").upload(folder)


def test_a_hub_that_hangs_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.hangs = 2.0
    monkeypatch.setattr("finetune.hub.SECONDS", 0.3)
    with pytest.raises(PPAIError, match=r"cannot be written: the hub does not answer in time$"):
        Repository("ann/tuned").open()


@pytest.mark.parametrize("name", ["tuned", "ann/", "a b/c", "../x"])
def test_a_name_that_is_no_id_is_refused(name: str) -> None:
    with pytest.raises(PPAIError, match="is no OWNER/NAME"):
        Repository(name)
