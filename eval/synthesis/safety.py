"""Looks for what no pair may say: word patterns of `eval/prompts/synth_safety_v1.yaml`, which says what they miss."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[1] / "prompts" / "synth_safety_v1.yaml"


@dataclass(frozen=True)
class Rule:
    """One thing that is looked for."""

    name: str
    """What rejections are counted by, after "unsafe:"."""
    says: str
    """What is wrong, in words for the author."""
    pattern: re.Pattern[str]
    only_with: re.Pattern[str] | None
    """The rule holds only where this stands in the pair."""


@dataclass(frozen=True)
class Rules:
    """All that is looked for."""

    response: tuple[Rule, ...]
    """What a response may not say."""
    crisis: tuple[Rule, ...]
    """What a pair may touch only where its response points to help."""
    help: re.Pattern[str]
    """What counts as a pointer to help."""


@dataclass(frozen=True)
class Danger:
    """What a rule found."""

    name: str
    says: str


@cache
def rules() -> Rules:
    """Those of the file."""
    given = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    words = given["words"]
    response, crisis = (tuple(_rule(one, words) for one in given[kind]) for kind in ("response", "crisis"))
    return Rules(response, crisis, _compiled(given["help"], words))


def dangers(post: str, response: str) -> list[Danger]:
    """What the rules find in a pair, each rule once, in their order."""
    known = rules()
    response = response.replace("’", "'")
    both = f"{post}\n\n{response}".replace("’", "'")
    found = [Danger(rule.name, f"{rule.says}: {said}") for rule, said in _found(known.response, response, both)]
    if known.help.search(response):
        return found
    for rule, said in _found(known.crisis, both, both):
        says = f"{rule.says} ({said}), and the response does not say where to find help"
        found.append(Danger(f"{rule.name} without help", says))
    return found


def _found(looked_for: tuple[Rule, ...], text: str, both: str) -> Iterator[tuple[Rule, str]]:
    for rule in looked_for:
        holds = rule.only_with is None or rule.only_with.search(both)
        if holds and (match := rule.pattern.search(text)):
            yield rule, f'"{" ".join(match[0].split())[:60]}"'


def _rule(given: Mapping[str, Any], words: Mapping[str, str]) -> Rule:
    only_with = _compiled(given["with"], words) if "with" in given else None
    return Rule(given["name"], given["says"], _compiled("|".join(given["patterns"]), words), only_with)


def _compiled(pattern: str, words: Mapping[str, str]) -> re.Pattern[str]:
    for name, stands_for in words.items():
        pattern = pattern.replace(f"{{{name}}}", stands_for)
    return re.compile(pattern, re.IGNORECASE)
