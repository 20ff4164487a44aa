"""Whether a judge may stand in for people on a criterion, in the few words that an answer has room for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppai.ui.labels import counted, source_phrase

Json = Mapping[str, Any]

WORDS = USABLE, NOT_USABLE, NOT_KNOWN = "usable", "not usable", "usability not known"


@dataclass(frozen=True)
class Usability:
    """What stands beside a judge's name, and why it may not stand in for people."""

    word: str = ""
    """Nothing where nobody voted on what it judged: then nobody can know, and the page says that nobody voted."""
    reasons: tuple[str, ...] = ()


def usability(summary: Json, key: str, source: str) -> Usability:
    """Of a judge on the criterion `key`; what its marks tell of it is no reason."""
    found = summary["agreement"].get(key, {}).get(source)
    if found is None:
        return Usability()
    orders = found["orders_consistent"]["estimate"]
    turned = "orders" in found["failed"] and orders is not None
    orders_words = f"its two orders agree on {100 * orders:.1f}% of pairs" if turned else ""
    if found["with_ties"]["estimate"] is None:
        return Usability(orders_words)
    if found["usable"]:
        return Usability(USABLE)
    gap = found["gap"]
    unmeasured = {"agreement", "length"} if gap["estimate"] is None else set()
    reasons = [orders_words, *(_compared(name, gap) for name in found["failed"])]
    word = NOT_USABLE if set(found["failed"]) - unmeasured else NOT_KNOWN
    return Usability(word, tuple(reason for reason in reasons if reason))


def why(judge: str, found: Usability, criterion: str) -> str:
    """`Judge j is not usable on clarity: its two orders agree on 70.0% of pairs`; nothing where marks tell it all."""
    if not found.word or not found.reasons:
        return ""
    name, reasons = source_phrase(judge), "; ".join(found.reasons)
    if found.word == NOT_KNOWN:
        return f"Whether {name} is usable on {criterion} is not known: {reasons}"
    return f"{name[:1].upper()}{name[1:]} is {found.word} on {criterion}: {reasons}"


def _compared(failed: str, gap: Json) -> str:
    """What a comparison with people on the same pairs does not show."""
    if failed == "length" and gap["estimate"] is not None:
        return "it is not shown to like length as people do"
    if failed != "agreement":
        return ""
    if gap["estimate"] is None:
        return str(gap["reason"])
    if gap["high"] < 0:
        less = f"{-100 * gap['estimate']:.1f} points less often"
        return f"it agrees with people {less} than they agree with each other"
    return f"on {counted(gap['n'], 'pair')} it is not shown to agree with people as they do with each other"
