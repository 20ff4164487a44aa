"""What requests cost, by one dated table of prices, and what they will cost, from the size of their texts."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ppai.errors import PPAIError

TABLE = Path(__file__).parent / "prices.yaml"

_MILLION = 1_000_000
_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4})$")
"""What a provider adds to a model's name for one dated state of it."""


@dataclass(frozen=True)
class Price:
    """Of one model, in US dollars per million tokens."""

    input: float
    cached_input: float
    output: float
    as_of: datetime.date | None = None
    source: str = ""
    batch_factor: float = 1.0

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0, batch: bool = False) -> float:
        """In US dollars; `cached_tokens` are a part of `input_tokens`."""
        cached = min(cached_tokens, input_tokens)
        whole = (input_tokens - cached) * self.input + cached * self.cached_input + output_tokens * self.output
        return whole / _MILLION * (self.batch_factor if batch else 1.0)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    input: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0)
    output: float = Field(ge=0)
    as_of: datetime.date | None = None
    source: str | None = None


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    as_of: datetime.date | None = None
    source: str = ""
    batch_factor: float = Field(0.5, gt=0, le=1)
    prices: dict[str, _Row]

    def rows(self) -> dict[str, Price]:
        return {name: self._price(row) for name, row in self.prices.items()}

    def _price(self, row: _Row) -> Price:
        cached = row.input if row.cached_input is None else row.cached_input
        as_of, source = row.as_of or self.as_of, row.source or self.source
        return Price(row.input, cached, row.output, as_of, source, self.batch_factor)


@dataclass(frozen=True)
class Prices:
    """Prices by model."""

    rows: Mapping[str, Price]

    def of(self, model: str) -> Price | None:
        """The price of `model`: its own row, else that of the model that it is a dated snapshot of; else None.

        A longer name is another model unless only a date is added: gpt-4o-mini is not priced as gpt-4o.
        """
        return self.rows.get(model) or self.rows.get(_SNAPSHOT.sub("", model))


def read_prices(path: Path | None = None) -> Prices:
    """The table of this package, with the rows of the file at `path` added or in place of those of the same name.

    Raises PPAIError naming the file and the field.
    """
    rows = _read(TABLE)
    return Prices(rows | _read(path) if path is not None else rows)


def _read(path: Path) -> dict[str, Price]:
    try:
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _Table.model_validate(given).rows()
    except (OSError, UnicodeDecodeError) as error:
        raise PPAIError(f"--prices: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        raise PPAIError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PPAIError(f"{path}: {where + ': ' if where else ''}{first['msg']}") from None


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` makes: four ASCII characters each, and one for any other character.

    English comes to some four characters a token in byte-pair encodings; other scripts take one to three characters
    a token in new encodings and more than one token a character in old ones.
    """
    others = len(text) - len(text.encode("ascii", "ignore"))
    return math.ceil((len(text) - others) / 4) + others


def most_tokens(text: str) -> int:
    """An upper bound: byte-pair encodings never make more tokens than there are bytes."""
    return len(text.encode("utf-8", "surrogatepass"))
