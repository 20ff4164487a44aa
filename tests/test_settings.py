"""Settings come from the environment alone, and a wrong one is one line that names its variable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ppai.errors import SettingsError
from ppai.schema import ResultsAccess
from ppai.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("PPAI_", "OPENAI_")) or name == "SPACE_ID":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults() -> None:
    found = read_settings()
    assert (found.database_url, found.study, found.port) == ("sqlite:///var/ppai.db", Path("data_to_share"), 7860)
    assert (found.address, found.on_loopback, found.replace) == ("127.0.0.1", True, False)
    assert found.admin_password is None and found.results is None and not found.votes_may_be_lost


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "PPAI_DATABASE_URL": "sqlite:////data/x.db",
        "PPAI_STUDY": "/a/study",
        "PPAI_HOST": "0.0.0.0",
        "PPAI_PORT": "80",
        "PPAI_RESULTS": "admin",
        "PPAI_ADMIN_PASSWORD": "s3cret",
        "PPAI_BACKUP": "/backup",
        "PPAI_TOKEN_HOURS": "1.5",
        "PPAI_REPLACE": "true",
        "PPAI_LIVE": "1",
        "PPAI_LIVE_PER_HOUR": "5",
        "PPAI_LIVE_OVERALL_PER_HOUR": "50",
        "PPAI_LIVE_AT_ONCE": "4",
        "PPAI_LIVE_QUEUE": "0",
        "PPAI_LIVE_SECONDS": "60",
        "PPAI_LIVE_MIN_CHARS": "20",
        "PPAI_LIVE_MAX_CHARS": "500",
        "PPAI_LIVE_WORDS_PER_SECOND": "7.5",
        "PPAI_SHARE": "true",
        "SPACE_ID": "user/space",
        "OPENAI_API_KEY": "sk-s3cret",
        "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    found = read_settings()
    assert (found.database_url, found.study, found.port) == ("sqlite:////data/x.db", Path("/a/study"), 80)
    assert (found.address, found.results, found.token_hours) == ("0.0.0.0", ResultsAccess.ADMIN, 1.5)
    assert found.admin_password is not None and found.admin_password.get_secret_value() == "s3cret"
    assert (found.backup, found.replace, found.space_id) == ("/backup", True, "user/space")
    assert found.openai_api_key is not None and found.openai_api_key.get_secret_value() == "sk-s3cret"
    assert found.live and (found.live_per_hour, found.live_overall_per_hour) == (5, 50)
    assert (found.live_at_once, found.live_queue, found.live_seconds) == (4, 0, 60)
    assert (found.live_min_chars, found.live_max_chars, found.live_words_per_second) == (20, 500, 7.5)
    assert found.openai_base_url == "http://127.0.0.1:8000/v1"
    assert "s3cret" not in repr(found) + str(found)
    named = {field.alias for field in Settings.model_fields.values()}
    assert named <= set(values), f"not tested: {named - set(values)}"


def test_what_is_given_is_stronger_and_none_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPAI_PORT", "80")
    assert read_settings(port=81).port == 81
    assert read_settings(port=None, host=None).port == 80
    assert read_settings(host="::1").on_loopback


def test_empty_variables_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PPAI_PORT", "PPAI_ADMIN_PASSWORD", "PPAI_RESULTS", "SPACE_ID", "PPAI_DATABASE_URL"):
        monkeypatch.setenv(name, "")
    found = read_settings()
    assert found.port == 7860 and found.admin_password is None and found.space_id is None
    assert found.database_url == "sqlite:///var/ppai.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PPAI_PORT", "many"),
        ("PPAI_PORT", "70000"),
        ("PPAI_RESULTS", "everyone"),
        ("PPAI_TOKEN_HOURS", "0"),
        ("PPAI_LIVE", "perhaps"),
        ("PPAI_LIVE_AT_ONCE", "0"),
        ("PPAI_LIVE_SECONDS", "inf"),
        ("PPAI_LIVE_MAX_CHARS", "9"),
        ("PPAI_REPLACE", "perhaps"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: ") as raised:
        read_settings()
    assert "\n" not in str(raised.value)


def test_on_a_space_votes_may_be_lost_unless_they_are_kept_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "user/space")
    monkeypatch.setattr("ppai.settings.on_volume", lambda _path: False)
    assert read_settings().votes_may_be_lost and read_settings().address == "0.0.0.0"
    assert not read_settings(backup="user/backup").votes_may_be_lost
    assert not read_settings(database_url="postgresql://h/d").votes_may_be_lost
    monkeypatch.setattr("ppai.settings.on_volume", lambda _path: True)
    assert not read_settings().votes_may_be_lost


def test_results_default_to_open_on_loopback_only() -> None:
    assert read_settings().results_access(None) is ResultsAccess.OPEN
    assert read_settings(host="localhost").results_access(None) is ResultsAccess.OPEN
    assert read_settings(host="0.0.0.0").results_access(None) is ResultsAccess.AFTER_SESSION
    assert read_settings(share=True).results_access(None) is ResultsAccess.AFTER_SESSION
    assert read_settings(host="127.0.0.1", space_id="a/b").results_access(None) is ResultsAccess.AFTER_SESSION
    assert read_settings(host="0.0.0.0").results_access(ResultsAccess.OPEN) is ResultsAccess.OPEN
    assert read_settings(results="admin").results_access(ResultsAccess.OPEN) is ResultsAccess.ADMIN
