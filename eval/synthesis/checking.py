"""What a pair may not be whatever the others are: lengths, form, words of a program, names and links, safety."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.asking.names import people, products
from eval.prompt_writing.ages import grown_up_children
from eval.synthesis.pair import Pair
from eval.synthesis.plan import POST, RESPONSE, Limits
from eval.synthesis.safety import dangers

TITLE = Limits(2, 20)

_LIST = re.compile(r"^\s*(?:[-*+•‣▪–—]|\(?\d{1,2}[.)]|\(?[a-h][.)])\s+\S", re.MULTILINE)
_RUN_ON_LIST = re.compile(r"(?<!\d)1[.)] .+?(?<!\d)2[.)] ", re.DOTALL)
_HEADING = re.compile(r"^\s*(?:#{1,6}\s|[^\n.!?]{1,60}:\s*$)", re.MULTILINE)
_MARKS = re.compile(r"\*\*|__|```|</?[a-z]+>|^\s*>|^\s*\|.*\|\s*$|\[[^\]]+\]\(", re.MULTILINE)
_ENDS = re.compile(r"[.!?][\"'”’)]*$")
_PROGRAM = re.compile(
    r"\b(?:as an? (?:ai|artificial|assistant|bot|chatbot|large|(?:virtual|digital|language|helpful) )|language model|"
    r"i['’]?(?:m| am) (?:an? |just )*(?:ai|bot|chatbot|program|(?:virtual |digital )?assistant)\b|"
    r"artificial intelligence|my training data|knowledge cutoff|"
    r"i (?:can['’]?t|cannot|can not) (?:provide|assist|help with|give) )",
    re.IGNORECASE,
)
_PRAISE = re.compile(r"^(?:what an? |that['’]?s an? |that is an? )?(?:great|good|excellent) question", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\[(?:your|insert|name|child|age|link|x|\.\.\.|…)[^\]]*\]|\{[a-z_]+\}|\b(?:the|a) short title\b|lorem ipsum",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fault:
    """Why a pair is not taken."""

    kind: str
    """What rejections are counted by."""
    says: str
    """In words that follow "the pair was rejected:" and that its author can act on."""


def faults(pair: Pair, post: Limits = POST, response: Limits = RESPONSE) -> list[Fault]:
    """All that is wrong with a pair by itself; safety last."""
    return [*_lengths(pair, post, response), *_form(pair), *_names(pair), *dangerous(pair)]


def dangerous(pair: Pair) -> list[Fault]:
    """What the rules of `safety` find in a pair."""
    return [Fault(f"unsafe: {one.name}", one.says) for one in dangers(pair.post, pair.response)]


def _lengths(pair: Pair, post: Limits, response: Limits) -> list[Fault]:
    parts = (("the title", pair.title, TITLE), ("the body", pair.body, post), ("the response", pair.response, response))
    said = (limits.fault(what, len(text.split())) for what, text, limits in parts)
    return [Fault("length", one) for one in said if one]


def _form(pair: Pair) -> list[Fault]:
    found = []
    for what, text in (("the body", pair.body), ("the response", pair.response)):
        if _LIST.search(text) or _RUN_ON_LIST.search(text):
            found.append(Fault("list or heading", f"{what} has a list; plain paragraphs are wanted"))
        elif _HEADING.search(text) or _MARKS.search(text):
            found.append(Fault("list or heading", f"{what} has a heading or other formatting; plain text is wanted"))
    if not _ENDS.search(pair.response):
        found.append(Fault("no full sentence at the end", "the response does not end with a full sentence"))
    if "?" not in pair.post:
        found.append(Fault("no question", "the post asks no question"))
    if _PLACEHOLDER.search(pair.text):
        found.append(Fault("placeholder", "a placeholder stands where text should be"))
    if match := _PROGRAM.search(pair.text):
        found.append(Fault("words of a program", f'it speaks of being a program, or refuses: "{match[0].strip()}"'))
    elif _PRAISE.search(pair.response):
        found.append(Fault("words of a program", "the response praises the question"))
    return found


def _names(pair: Pair) -> list[Fault]:
    found = []
    named = [*pair.names, *products(pair.text), *people(pair.body), *people(pair.response)]
    if named := list(dict.fromkeys(named)):
        said = f"it names {', '.join(named[:3])}; no real people, products, links or addresses are allowed"
        found.append(Fault("names or links", said))
    if grown := grown_up_children(pair.post):
        found.append(Fault("no child", f"the post is about a child of {grown[0]}; every child must be under 18"))
    return found
