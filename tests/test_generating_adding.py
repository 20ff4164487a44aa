"""`ppai generate --add`: study.yaml's text but for the entries stays, and what cannot be added is told before a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from generated import Ran, published, rows_of
from openai_replies import Reply, failure, text
from openai_server import Asked, ScriptedServer
from test_generating_files import slow, together

from eval.generating import adding
from eval.generating.adding import add
from eval.generating.locks import LOCK_FILE
from eval.generating.setup import Setup, choose
from ppai.errors import PPAIError
from ppai.schema import StudyConfig
from ppai.studyfiles import check_study
from ppai.studyfiles.config import read_config

NEW = "{id: new, generation: {model: m}}"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: text("It passes.")) as server:
        yield server


def setups(*names: str, given: Mapping[str, Any] | None = None) -> list[Setup]:
    return choose(StudyConfig(), Path(), names, given or {"model": "m"})


def added(directory: Path, content: str, *names: str, systems: tuple[str, ...] = ()) -> str:
    """study.yaml after the systems were added, with its byte-order mark and line ends."""
    path = directory / "study.yaml"
    path.write_bytes(content.encode())
    add(directory, setups(*names), systems)
    return path.read_bytes().decode()


def at(server: ScriptedServer, system: str = "new") -> list[str]:
    return ["--system", system, "--model", "m", "--base-url", server.url]


# The text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("systems: [{id: base}]\n", f"systems: [{{id: base}}, {NEW}]\n"),
        ("systems: [\n  {id: base}, # c\n]\n", f"systems: [\n  {{id: base}}, {NEW}, # c\n]\n"),
        ("systems: [\n  {id: base} # c\n]\n", f"systems: [\n  {{id: base}}, {NEW} # c\n]\n"),
        ("systems: [ # c\n]\n", f"systems: [{{id: base}}, {NEW} # c\n]\n"),
        ("name: T\n...\n", f"name: T\nsystems:\n  - {{id: base}}\n  - {NEW}\n...\n"),
        ("---\nname: T", f"---\nname: T\nsystems:\n  - {{id: base}}\n  - {NEW}\n"),
        ("systems: !!seq\n  - {id: base}\n", f"systems: !!seq\n  - {{id: base}}\n  - {NEW}\n"),
        ("systems:\n- id: base # c\n# d\nname: T", f"systems:\n- id: base # c\n- {NEW}\n# d\nname: T"),
        (
            "systems:\n  - id: base\n    name: |\n      B\n\n# e",
            f"systems:\n  - id: base\n    name: |\n      B\n\n  - {NEW}\n# e",
        ),
    ],
    ids=["flow", "comma", "comment", "empty", "document end", "start", "tag", "flat", "literal"],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "mark"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_all_but_the_entry_stays_byte_for_byte(
    tmp_path: Path, before: str, after: str, mark: str, line_end: str
) -> None:
    written = added(tmp_path, mark + before.replace("\n", line_end), "new", systems=("base", "new"))
    if before.count("\n") == 0:
        line_end = "\n"
    assert written == mark + after.replace("\n", line_end)


def test_a_replaced_entry_keeps_its_other_keys_and_comments(tmp_path: Path) -> None:
    before = (
        "# a\nsystems: # b\n  - id: new  # the baseline\n    # do not touch\n    generation:\n      model: old # c #d\n"
        '    name: "Not # one" # ours\n\n  # below\n  - {id: other}\n'
    )
    after = (
        '# a\nsystems: # b\n  - {id: new, name: "Not # one", generation: {model: m}}  # the baseline  # do not touch'
        "  # c #d # ours\n\n  # below\n  - {id: other}\n"
    )
    assert added(tmp_path, before, "new") == after
    flow = "systems: [{id: new, # c\n  name: N}, {id: other}]\n"
    replaced = added(tmp_path, flow, "new", "third")
    ids = [one["id"] for one in yaml.safe_load(replaced)["systems"]]
    assert "# c\n" in replaced and ids == ["new", "other", "third"]


def test_further_keys_of_a_replaced_entry_stay_what_they_are(tmp_path: Path) -> None:
    before = "systems:\n  - id: new\n    name: 'Ä 💛: x'\n    tags: [a, '1', 1, 1.0e-05, \"💛\\u2028\"]\n"
    written = added(tmp_path, before, "new")
    assert 'name: "Ä 💛: x", tags: [a, "1", 1, 1.0e-05, ' in written
    assert yaml.safe_load(written)["systems"][0].items() >= yaml.safe_load(before)["systems"][0].items()


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("{name: T, results: open}\n", f"write under systems: - {{id: base}} and - {NEW}"),
        ("  name: T\n  results: open\n", f"write under systems: - {{id: base}} and - {NEW}"),
        ("systems:\n  -  # a - b\n     id: base\n", f"write under systems: - {NEW}"),
        (
            "systems:\n  - {id: old}\n  -  # a - b\n     id: base\n",
            f"in place of what stands there of old: - {NEW} and - {NEW.replace('new', 'old')}",
        ),
    ],
    ids=["flow", "indented", "dash", "replaced"],
)
def test_where_no_entry_can_be_put_the_line_to_write_is_told(tmp_path: Path, before: str, told: str) -> None:
    names = ("new", "old") if "old" in before else ("new",)
    with pytest.raises(PPAIError) as error:
        added(tmp_path, before, *names, systems=("base", *names))
    assert told in str(error.value) and "\n" not in str(error.value)
    assert (tmp_path / "study.yaml").read_text() == before


def test_what_no_study_could_say_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(PPAIError, match="would be wrong with new added: reference: 'base'"):
        added(tmp_path, "reference: base\n", "new")
    assert (tmp_path / "study.yaml").read_text() == "reference: base\n"


def test_runs_that_add_together_keep_each_others_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setattr(adding, "write_whole", slow)
    names = list("abcd")
    together(*(lambda name=name: add(tmp_path, setups(name), [name]) for name in names))
    config = read_config(tmp_path, []).config
    assert config is not None and sorted(config.system_ids) == names
    assert not (tmp_path / LOCK_FILE).exists()


# The command


def test_what_cannot_be_added_is_told_before_anything_is_asked(
    tmp_path: Path, ran: Ran, server: ScriptedServer
) -> None:
    directory = published(tmp_path / "study", 2, "{name: T}\n")
    said = ran(directory, *at(server), "--add", code=2)
    assert "--add cannot write into the file as it is; write under systems: - {id: new, generation: {model: m" in said
    assert not server.asked and sorted(path.name for path in directory.iterdir()) == [
        "posts_test_samples.jsonl",
        "study.yaml",
    ]


def test_only_systems_of_which_nothing_is_missing_are_added(tmp_path: Path, ran: Ran, server: ScriptedServer) -> None:
    directory = published(tmp_path / "study", 2)
    ran(directory, *at(server, "base"), "--add")
    before = (directory / "study.yaml").read_text()

    def broken(asked: Asked) -> Reply:
        return failure(400, None, "broken") if "Post 2" in asked.user else text("It passes.")

    with ScriptedServer(broken) as bad:
        said = ran(directory, *at(bad, "second"), "--add", code=1)
        assert "not added to study.yaml while responses are missing: second" in said and "added to /" not in said
    assert (directory / "study.yaml").read_text() == before
    ran(directory, *at(server, "third"), "--add")
    assert check_study(directory) == []
    config = read_config(directory, []).config
    assert config is not None and config.system_ids == ("base", "third")
    assert len(rows_of(directory / "posts_test_samples_third_response.jsonl")) == 2


def test_what_is_said_of_the_systems_may_change_while_they_are_written(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1)

    def meanwhile(_: Asked) -> Reply:
        (directory / "study.yaml").write_text("name: T # mine\nsystems:\n  - {id: other}\n")
        return text("It passes.")

    with ScriptedServer(meanwhile) as server:
        ran(directory, *at(server), "--add")
    written = (directory / "study.yaml").read_text()
    assert written.startswith("name: T # mine\nsystems:\n  - {id: other}\n  - {id: new, generation")
