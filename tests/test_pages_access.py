"""Results, browse and admin pages show their data to whom they may, and say nothing of it to anybody else."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import brotli
import gradio as gr
import httpx
import plotly
import pytest
from databases import new_store
from pydantic import SecretStr
from rating import Rater, desk_of, rating_study, settings
from starlette.testclient import TestClient

from eval import report
from ppai.backup import BackupState
from ppai.errors import StoreError
from ppai.schema import ResultsAccess, System
from ppai.store.base import HarmReport
from ppai.ui import access
from ppai.ui.access import Gate, Refusal
from ppai.ui.admin import AdminPage, build_admin, store_kind
from ppai.ui.browse import BrowsePage, build_browse
from ppai.ui.context import Context
from ppai.ui.events import Events
from ppai.ui.markup import escape
from ppai.ui.plotly_file import plotly_script
from ppai.ui.results import ResultsPage, build_results
from ppai.ui.serve import app_options
from ppai.ui.texts import TEXTS

PASSWORD = "correct horse"
NAMES = ("zebra-one", "yak-two")
STUDY = rating_study(
    6, systems=NAMES, name="the secret study", texts={("p0", "zebra-one"): "<script>alert(1)</script> of the zebra"}
)
HIDDEN = (*NAMES, "the secret study", "question 0", "of the zebra")
UI = Path(access.__file__).parent


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "LOGIN_SECONDS", 0.01)


def context_of(tmp_path: Path, **given: Any) -> Context:
    store = new_store("sqlite", tmp_path)
    desk = desk_of(store, STUDY)
    chosen = settings(**given)
    return Context(
        settings=chosen,
        store=store,
        desk=desk,
        gate=Gate(store, desk, chosen),
        events=Events(store, desk.name),
        statistics=report,
        browser_secret="s" * 32,
    )


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    made = context_of(tmp_path, admin_password=SecretStr(PASSWORD), results=ResultsAccess.AFTER_SESSION)
    yield made
    made.store.close()


def shown(view: dict[str, Any]) -> str:
    return json.dumps(view)


def is_refused(view: dict[str, Any], reason: Refusal) -> bool:
    """Whether the reason is all there is."""
    assert not any(hidden in shown(view) for hidden in HIDDEN)
    assert view["figures"] == view["files"] == view["values"] == {}
    return [name for name, _ in view["parts"]] == ["refused"] and reason.value in shown(view)


class TestHandlers:
    @pytest.fixture(params=[ResultsPage, BrowsePage])
    def page(self, request: Any, context: Context) -> Any:
        return request.param(context)

    @pytest.mark.parametrize(
        "request_", [{}, {"act": "filter", "topic": "x"}, {"act": "next", "prompt": "p0"}, None, 7]
    )
    def test_a_stranger_gets_the_reason_alone(self, page: Any, request_: object) -> None:
        for code, admin in ((None, None), ("ABCD-EFGH-JKLM", "forged"), (5, ["x"]), ("\ud800", "none")):
            assert is_refused(page.act(code, admin, request_), Refusal.AFTER_SESSION)
            assert is_refused(page.open(code, admin), Refusal.AFTER_SESSION)

    def test_a_rater_is_refused_until_she_has_finished(self, page: Any, context: Context) -> None:
        rater = Rater(context.desk)
        rater.submit()
        assert is_refused(page.act(rater.code, None, {}), Refusal.FINISH_FIRST)
        rater.act("finish")
        while rater.view["screen"] == "probe":
            assert is_refused(page.act(rater.code, None, {}), Refusal.FINISH_FIRST)
            rater.act("probe", token=rater.token, guess="unsure")
        assert "zebra-one" in shown(page.act(rater.code, None, {}))

    def test_the_team_sees_it_with_a_token(self, page: Any, context: Context) -> None:
        assert "zebra-one" in shown(page.open(None, context.gate.log_in(PASSWORD)))

    def test_the_gate_is_asked_at_every_act(self, page: Any, context: Context) -> None:
        first, second = Rater(context.desk), Rater(context.desk)
        first.submit()
        first.act("finish")
        while first.view["screen"] == "probe":
            first.act("probe", token=first.token, guess="unsure")
        assert "zebra-one" in shown(page.act(first.code, None, {}))
        assert is_refused(page.act(second.code, None, {}), Refusal.FINISH_FIRST)

    def test_a_store_out_of_reach_is_said(self, page: Any, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: object) -> None:
            raise StoreError("gone")

        monkeypatch.setattr(context.store, "participant", fails)
        assert "error.unavailable" in shown(page.act(Rater(context.desk).code, None, {}))


def test_admin_only_results_lead_to_the_admin_page(tmp_path: Path) -> None:
    context = context_of(tmp_path, admin_password=SecretStr(PASSWORD), results=ResultsAccess.ADMIN)
    view = ResultsPage(context).open(None, None)
    assert is_refused(view, Refusal.ADMIN_ONLY) and 'href="admin"' in view["parts"][0][1]


def test_open_results_leave_browse_closed(tmp_path: Path) -> None:
    context = context_of(tmp_path, results=ResultsAccess.OPEN)
    assert "zebra-one" in shown(ResultsPage(context).open(None, None))
    assert is_refused(BrowsePage(context).open(None, None), Refusal.AFTER_SESSION)


class TestAdmin:
    @pytest.fixture
    def page(self, context: Context) -> AdminPage:
        return AdminPage(context)

    def test_without_a_password_says_how_to_set_one(self, tmp_path: Path) -> None:
        page = AdminPage(context_of(tmp_path))
        assert "PPAI_ADMIN_PASSWORD" in shown(page.open(None))
        view, token = page.act(None, {"act": "log_in", "password": ""})
        assert "PPAI_ADMIN_PASSWORD" in shown(view) and not page._gate.is_admin(token)

    def test_shows_the_form_alone_without_a_token(self, page: AdminPage) -> None:
        for token in (None, "", "forged", 5, {"a": 1}):
            view = page.open(token)
            assert [name for name, _ in view["parts"]] == ["login"]
            assert not any(hidden in shown(view) for hidden in HIDDEN)

    @pytest.mark.parametrize("password", ["", "wrong", None, 5, ["correct horse"], "\ud800"])
    def test_a_wrong_password_opens_nothing(self, page: AdminPage, password: object) -> None:
        view, token = page.act(None, {"act": "log_in", "password": password})
        assert "admin.wrong" in shown(view) and not page._gate.is_admin(token)

    def test_the_right_one_opens_it_until_log_out(self, page: AdminPage) -> None:
        view, token = page.act(None, {"act": "log_in", "password": PASSWORD})
        assert "the secret study" in shown(view) and "the secret study" in shown(page.open(token))
        view, after = page.act(token, {"act": "log_out"})
        assert not any(hidden in shown(view) for hidden in HIDDEN)
        assert after and not page._gate.is_admin(after), "Gradio does not overwrite a token with nothing"

    def test_an_unknown_act_changes_nothing(self, page: AdminPage) -> None:
        for request in (None, {}, {"act": "drop"}, "log_in"):
            view, token = page.act(None, request)
            assert [name for name, _ in view["parts"]] == ["login"] and not page._gate.is_admin(token)

    def test_reports_are_unblinded_and_escaped(self, page: AdminPage, context: Context) -> None:
        rater = Rater(context.desk)
        with context.store.work(context.name) as work:
            work.add_report(HarmReport(rater.item["id"], rater.id, "a", "<img src=x onerror=alert(1)>", 1.0))
        told = shown(page.act(None, {"act": "log_in", "password": PASSWORD})[0])
        assert "&lt;img src=x" in told and "<img" not in told
        table = told[told.index("table-reports") :]
        assert sum(name in table[: table.index("</table>")] for name in NAMES) == 1

    def test_a_failed_backup_is_told(self, context: Context) -> None:
        state = BackupState("dataset team/votes", 0.0, "the hub is away")
        page = AdminPage(replace(context, backup=SimpleNamespace(state=lambda: state)))
        told = shown(page.act(None, {"act": "log_in", "password": PASSWORD})[0])
        assert "team/votes" in told and "1970-01-01 00:00 UTC" in told and "the hub is away" in told

    def test_a_database_url_is_never_shown(self) -> None:
        assert store_kind("postgresql+psycopg://user:secret@host/db") == "PostgreSQL"
        assert store_kind("sqlite:///var/ppai.db") == "SQLite"


class TestBrowse:
    def view(self, context: Context, **request: str) -> dict[str, Any]:
        return BrowsePage(context).act(None, context.gate.log_in(PASSWORD), request)

    def parts(self, context: Context, **request: str) -> dict[str, str]:
        return dict(self.view(context, **request)["parts"])

    def test_steps_through_prompts_and_stops_at_the_ends(self, context: Context) -> None:
        assert self.view(context)["values"]["prompt"] == "p0"
        assert self.view(context, act="next", prompt="p0")["values"]["prompt"] == "p1"
        assert self.view(context, act="previous", prompt="p0")["values"]["prompt"] == "p0"
        assert self.view(context, act="next", prompt="p5")["values"]["prompt"] == "p5"
        assert self.view(context, act="next", prompt="nowhere")["values"]["prompt"] == "p0"

    def test_finds_prompts_by_words(self, context: Context) -> None:
        assert self.view(context, search="QUESTION 3")["values"]["prompt"] == "p3"
        assert self.view(context, search="p4")["values"]["prompt"] == "p4"
        assert "browse.none" in self.parts(context, search="elephant")["stepper"]

    def test_responses_are_named_and_sanitised(self, context: Context) -> None:
        told = self.parts(context)["responses"]
        assert "<script" not in told and "of the zebra" in told and all(name in told for name in NAMES)

    def test_votes_say_which_system_won(self, context: Context) -> None:
        rater = Rater(context.desk)
        given = context.desk.store.events(context.name).assignments[0]
        rater.submit("a", comment="<b>warm</b>")
        told = self.parts(context, prompt=given.prompt_id)["votes"]
        assert f"<td>{given.system_a} / {given.system_b}</td><td>{given.system_a}</td>" in told
        assert escape("<b>warm</b>") in told

    def test_a_vote_taken_back_is_not_shown(self, context: Context) -> None:
        rater = Rater(context.desk)
        prompt = context.desk.store.events(context.name).assignments[0].prompt_id
        rater.submit("a", comment="first")
        rater.undo()
        rater.submit("tie", comment="second")
        told = self.parts(context, prompt=prompt)["votes"]
        assert "second" in told and "first" not in told


def blocks_of(context: Context) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.HTML("rate")
    with demo.route("Results", "/results", show_in_navbar=False):
        build_results(context)
    with demo.route("Browse", "/browse", show_in_navbar=False):
        build_browse(context)
    with demo.route("Admin", "/admin", show_in_navbar=False):
        build_admin(context)
    return demo


def test_layouts_say_nothing_of_the_study(context: Context) -> None:
    config = json.dumps(blocks_of(context).get_config_file(), default=str)
    assert not any(hidden in config for hidden in (*HIDDEN, PASSWORD))


def test_plain_requests_are_answered_by_the_same_rules(context: Context) -> None:
    """Every handler over a real connection, by number and without the page: no answer holds the study."""
    demo = blocks_of(context)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, share=False)
    try:
        rater = Rater(context.desk)
        told = httpx.get(f"{url}config").text + "".join(
            httpx.get(f"{url}{page}").text for page in ("results", "browse")
        )
        for number, handler in demo.fns.items():
            inputs: list[Any] = [rater.code if len(handler.inputs) == 2 else "forged", "forged"][: len(handler.inputs)]
            body = {"data": inputs, "fn_index": number, "session_hash": "x", "event_data": {"act": "filter"}}
            answer = httpx.post(f"{url}gradio_api/run/predict", json=body)
            assert answer.status_code == 200, answer.text
            assert "finish_first" in answer.text or "login" in answer.text
            told += answer.text
        assert not any(hidden in told for hidden in (*HIDDEN, "site-packages", str(UI.parent)))
    finally:
        demo.close(verbose=False)


class TestPlotly:
    """plotly.js comes from the app itself, at an address that says nothing of the server's files."""

    @pytest.fixture
    def app(self, context: Context) -> gr.routes.App:
        return gr.routes.App.create_app(blocks_of(context), app_kwargs=app_options())

    def address(self, client: TestClient) -> str:
        config = client.get("/config").json()
        found = {one["props"].get("props", {}).get("library") for one in config["components"]} - {None, ""}
        assert len(found) == 1
        return str(found.pop())

    def test_the_configuration_names_no_file_of_the_server(self, app: gr.routes.App) -> None:
        client = TestClient(app)
        served = [client.get(f"/config{page}").text for page in ("", "?page=results", "?page=browse", "?page=admin")]
        for place in (str(Path(plotly.__file__).parent), str(UI), "site-packages", "file=", sys.prefix):
            assert not any(place in text for text in served), place

    @pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "br"), ("gzip", "gzip"), ("identity", None)])
    def test_it_is_sent_whole_packed_and_kept(self, app: gr.routes.App, accepted: str, encoding: str | None) -> None:
        client = TestClient(app)
        address = self.address(client)
        with client.stream("GET", f"/{address}", headers={"accept-encoding": accepted}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.status_code == 200 and answer.headers.get("content-encoding") == encoding
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"] and "max-age=31536000" in answer.headers["cache-control"]
        unpacked = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}[encoding](raw)
        assert unpacked == plotly_script().read_bytes()
        assert encoding is None or len(raw) < len(unpacked) / 2

    def test_the_address_changes_with_the_version(self, app: gr.routes.App) -> None:
        assert self.address(TestClient(app)).endswith(f"?v={plotly.__version__}")

    @pytest.mark.parametrize("stripped", [True, False], ids=["prefix taken off", "prefix left"])
    def test_it_is_found_behind_a_prefix(self, app: gr.routes.App, stripped: bool) -> None:
        """With a root path, of which some proxies leave nothing in what they pass on."""
        client = TestClient(app, root_path="/user/space")
        prefix = "" if stripped else "/user/space"
        config = client.get(f"{prefix}/config").json()
        assert config["root"].endswith("/user/space")
        assert client.head(f"{prefix}/{self.address(client)}").status_code == 200


def test_all_that_the_pages_say_has_a_text() -> None:
    sources = [path.read_text(encoding="utf-8") for path in UI.glob("*.py")]
    keys = {key for source in sources for key in re.findall(r'"((?:results|browse|admin|access)\.[a-z_.]+)"', source)}
    assert len(keys) > 60
    assert {key for key in keys if not key.endswith((".css", ".js"))} - set(TEXTS["en"]) == set()


def test_systems_may_share_a_name_or_hold_markup() -> None:
    from ppai.ui.labels import Labels

    config = STUDY.config.model_copy(update={"systems": (System(id="x", name="GPT"), System(id="y", name="GPT"))})
    assert list(Labels.of(config).systems.values()) == ["GPT (x)", "GPT (y)"]
