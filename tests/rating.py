"""Studies, clocks and raters for the tests of the rating service."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from ppai.schema import Criterion, Pair, Prompt, Response, Study, StudyConfig, System
from ppai.settings import Settings
from ppai.store.base import Store
from ppai.ui.desk import Desk

CRITERIA = (
    Criterion(key="clarity", question="Which is clearer?"),
    Criterion(key="overall", question="Which is better?"),
)
MORNING = 1_750_000_000.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = MORNING) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def answer_text(prompt: str, system: str) -> str:
    """A text that says which system wrote it to nobody but the tests."""
    return "answer " + uuid.uuid5(uuid.NAMESPACE_OID, f"{prompt}/{system}").hex


def rating_study(
    n_prompts: int = 20,
    systems: tuple[str, ...] = ("base", "tuned"),
    texts: Mapping[tuple[str, str], str] | None = None,
    **config: Any,
) -> Study:
    """`n_prompts` prompts p0, p1, ..., answered by every system, in all pairs."""
    prompts = tuple(Prompt(id=f"p{n}", text=f"What about question {n}?") for n in range(n_prompts))
    values = {"name": "rated", "criteria": CRITERIA, "systems": tuple(System(id=one) for one in systems)} | config
    return Study(
        config=StudyConfig(**values),
        prompts=prompts,
        responses=tuple(
            Response(prompt_id=p.id, system=s, text=(texts or {}).get((p.id, s), answer_text(p.id, s)))
            for p in prompts
            for s in systems
        ),
        pairs=tuple(Pair(prompt_id=p.id, first=a, second=b) for p in prompts for a, b in combinations(systems, 2)),
    )


def settings(**given: Any) -> Settings:
    """Settings that take nothing from the environment of the tests."""
    return Settings.model_construct(**({name: f.default for name, f in Settings.model_fields.items()} | given))


def desk_of(store: Store, study: Study, *, seed: int = 1, clock: Clock | None = None, **given: Any) -> Desk:
    store.load(study)
    return Desk(store, study.name, settings(**given), clock=clock or Clock(), rng=random.Random(seed))


class Rater:
    """A browser of one rater: sends acts, keeps the last view."""

    def __init__(self, desk: Desk, code: str | None = None) -> None:
        self.desk = desk
        self.code = code
        self.view: dict[str, Any] = {}
        if code is None:
            self.act("consent")
            self.code = self.view["code"]
        else:
            self.act("show")

    @property
    def id(self) -> str:
        return str(self.desk.rater(self.code))

    @property
    def item(self) -> dict[str, Any]:
        return self.view["item"]

    @property
    def token(self) -> str:
        return str(self.view.get("item", {}).get("token", ""))

    def act(self, act: str, **values: Any) -> dict[str, Any]:
        """Sends an act; the view is kept where it shows a screen."""
        view = self.desk.act({"act": act, "code": self.code, **values})
        if "screen" in view:
            self.view = view
        return view

    def submit(self, outcome: str = "a", **values: Any) -> dict[str, Any]:
        """Answers the pair on screen, all criteria alike unless `outcomes` says otherwise."""
        asked = {
            "token": self.token,
            "submission": uuid.uuid4().hex,
            "outcomes": dict.fromkeys(self.desk.config.keys, outcome),
        }
        return self.act("submit", **(asked | values))

    def skip(self, reason: str = "unclear", **values: Any) -> dict[str, Any]:
        return self.act("skip", **({"token": self.token, "submission": uuid.uuid4().hex, "reason": reason} | values))

    def undo(self, **values: Any) -> dict[str, Any]:
        return self.act("undo", **({"submission": uuid.uuid4().hex} | values))


def shown_systems(item: Mapping[str, Any], study: Study) -> tuple[str, str, str]:
    """Of an item as a browser has it: its prompt, and the systems at A and B."""
    by_html = {f"<p>{r.text}</p>": (r.prompt_id, r.system) for r in study.responses}
    (prompt, a), (_, b) = by_html[item["a"].strip()], by_html[item["b"].strip()]
    return prompt, a, b
