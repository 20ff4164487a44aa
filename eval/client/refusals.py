"""What a server meant by an error status: which field it does not take, that it does not know the model, and so on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eval.client.dialects import LIMIT_FIELDS, OPTIONAL_FIELDS
from eval.client.reply import POLICY_CODES

QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance")

_FIELDS = {name: re.compile(rf"\b{name}\b") for name in sorted({*OPTIONAL_FIELDS, *LIMIT_FIELDS})}
_SCHEMA = re.compile(r"text\.format|response_format|json_schema|structured output|['\"`]text['\"`]", re.I)
_TOO_LONG = re.compile(
    r"context[_ ](length|window|size)|maximum context|exceeds? the (available )?context|too many tokens", re.I
)
_NO_MODEL = re.compile(
    r"\bmodels?\b[^.]{0,200}?(does ?n.t exist|does not exist|not found|not loaded|is not served|could not be found)"
    r"|(no such|unknown|invalid) model|pinned to",
    re.I,
)


@dataclass(frozen=True)
class Refusal:
    """An error status with what the server says of it."""

    status: int
    message: str = ""
    code: str = ""
    param: str = ""

    @classmethod
    def read(cls, status: int, content: bytes) -> Refusal:
        """From a body in the form of OpenAI's, of FastAPI's (`detail`), or in none."""
        try:
            body = json.loads(content)
        except ValueError:
            return cls(status, _one_line(content[:500].decode("utf-8", "replace")))
        error = body.get("error", body) if isinstance(body, Mapping) else body
        if not isinstance(error, Mapping):
            return cls(status, _one_line(str(error)))
        said = error.get("message") or _detail(error.get("detail")) or error.get("error") or ""
        words = [str(error[key]) for key in ("code", "type") if isinstance(error.get(key), str)]
        return cls(status, _one_line(str(said)), " ".join(words), str(error.get("param") or ""))

    @property
    def spent(self) -> bool:
        """Whether the account has nothing left, so that waiting does not help."""
        return self.status == 402 or (self.status == 429 and self._coded(*QUOTA_CODES))

    @property
    def too_long(self) -> bool:
        said = f"{self.code} {self.message}"
        return self.status == 413 or (self.status in (400, 422) and _TOO_LONG.search(said) is not None)

    @property
    def by_policy(self) -> bool:
        return self.status in (400, 403) and self._coded(*POLICY_CODES)

    @property
    def fields(self) -> frozenset[str]:
        """Of the request's body, those that the server refuses: the one that it names, else all that it speaks of."""
        if self.status not in (400, 422):
            return frozenset()
        for said in (self.param, self.message):
            found = {name for name, pattern in _FIELDS.items() if pattern.search(said)}
            if _SCHEMA.search(said) or said == "text":
                found |= {"text", "response_format"}
            if found:
                return frozenset(found)
        return frozenset()

    def of_model(self, model: str) -> bool:
        """Whether it is the model that the server does not have."""
        if self.status not in (400, 403, 404, 422):
            return False
        if self._coded("model_not_found") or self.param == "model":
            return True
        quoted = re.compile(f"['\"`]{re.escape(model)}['\"`]")
        return not self.fields and any(pattern.search(self.message) for pattern in (_NO_MODEL, quoted))

    @property
    def no_such_path(self) -> bool:
        return self.status in (404, 405, 501)

    def _coded(self, *codes: str) -> bool:
        return any(code in self.code.split() for code in codes)


def _detail(detail: Any) -> str:
    """FastAPI's list of what is wrong, without the input that each of its items repeats."""
    if not isinstance(detail, list):
        return "" if detail is None else str(detail)
    places = [one for one in detail if isinstance(one, Mapping)]
    return "; ".join(f"{'.'.join(map(str, one.get('loc', ())))}: {one.get('msg', '')}" for one in places)


def _one_line(text: str) -> str:
    return " ".join(text.split())
