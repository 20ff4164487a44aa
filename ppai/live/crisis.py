"""Whether a question says that somebody may be in danger, and who helps then. No model is asked."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).with_name("crisis.yaml")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
_UNSEEN = ("Mn", "Me", "Cf")
"""Categories of Unicode: marks on letters, and format."""
_UMLAUTS = re.compile(r"([aou])e(?=[a-z])")


def folded(text: str) -> str:
    """In small letters without accents and signs that are not seen (soft hyphens, joiners), apostrophes of one form,
    every run of other white space one space.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
    return " ".join("".join(sign for sign in plain if unicodedata.category(sign) not in _UNSEEN).split())


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    return data


@lru_cache(maxsize=1)
def _words() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for words in _data()["words"].values() for one in words.splitlines()))


def is_crisis(question: str) -> bool:
    """Whether any of the words stand in the question, in any of the languages; umlauts may be written ae, oe, ue."""
    text = folded(question)
    return bool(_words().search(text) or _words().search(_UMLAUTS.sub(r"\1", text)))


def lines() -> list[dict[str, str]]:
    """Those who help: `name`, `number`, `where`, and `url` where there is one."""
    return [dict(line) for line in _data()["lines"]]
