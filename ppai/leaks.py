"""Scans a study's responses for what gives a system away: format, length, names and stock phrases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ppai.plain import FormatMark, format_marks
from ppai.schema import Pair, Study, System

WARN_AT = 0.75
"""A feature that tells two systems apart in this share of their pairs is spelled out."""

VENDOR_NAMES = (
    "Alibaba|Anthropic|Bard|ChatGPT|Claude|Cohere|Copilot|DeepMind|DeepSeek|Gemini|Gemma|Google|GPT|Grok|"
    "Hugging ?Face|Llama|Meta AI|Microsoft|Mistral|Mixtral|Moonshot|OpenAI|Phi-[0-9]|Qwen|SmolLM|Vicuna|xAI"
)
_VENDOR = re.compile(rf"(?<!\w)(?:{VENDOR_NAMES})(?:-?\d[\w.]*)?(?!\w)", re.IGNORECASE)
_AI_PHRASE = re.compile(
    r"\bas an? (?:AI|artificial intelligence|(?:large )?language model|(?:virtual|digital) assistant|chat ?bot)\b"
    r"|\b(?:I am|I['’]m|being) (?:just |only )?an? (?:AI|(?:large )?language model|chat ?bot)\b"
    r"|\blanguage model\b",
    re.IGNORECASE,
)
_PLAIN_WORDS = re.compile(
    r"base|baseline|chat|control|fine|finetuned|instruct|large|medium|mini|model|new|old|preview|prompt|prompted|"
    r"reference|small|system|test|tuned|turbo"
)
"""Words of systems' names that say nothing about which system wrote a text."""


@dataclass(frozen=True)
class ResponseTraits:
    """What one response shows; a number each, so that every trait is compared in the same way."""

    lists: float
    markdown: float
    names: float
    ai_phrases: float
    empty: float
    characters: float
    words: float


TRAITS = {
    "lists": "lists",
    "markdown": "other markdown",
    "names": "a system's or vendor's name",
    "ai_phrases": '"as an AI" phrases',
    "empty": "empty responses",
    "characters": "length in characters",
    "words": "length in words",
}
"""Every trait, and what it is called on screens."""


@dataclass(frozen=True)
class SystemLeaks:
    """What the responses of one system show: shares of them from 0 to 1, and medians."""

    system: str
    n: int
    lists: float
    markdown: float
    names: float
    ai_phrases: float
    empty: float
    median_characters: float
    median_words: float


@dataclass(frozen=True)
class Separation:
    """How well one trait alone tells two systems apart, over the n prompts that both answered.

    `accuracy` is the share of pairs in which the better of two rules, that `marked` shows more of the trait or that
    the other does, guesses who wrote which; where both responses show the same, the guess is right half of the time.
    """

    trait: str
    first: str
    second: str
    n: int
    accuracy: float
    marked: str
    """The system that shows more of it."""

    @property
    def sentence(self) -> str:
        verb = "tells" if self.trait in ("characters", "words", "names", "markdown") else "tell"
        return (
            f"{TRAITS[self.trait]} alone {verb} {self.first} from {self.second} in {self.accuracy:.0%} of pairs "
            f"(n = {self.n}; more in {self.marked})"
        )


@dataclass(frozen=True)
class LeakTable:
    """The leak scan of a study."""

    systems: tuple[SystemLeaks, ...]
    separations: tuple[Separation, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each trait that tells two systems apart in `WARN_AT` of their pairs or more."""
        return tuple(row.sentence for row in self.separations if row.accuracy >= WARN_AT)

    def __str__(self) -> str:
        """The table and its warnings as lines for a terminal."""
        header = ("system", "n", "lists", "markdown", "names", "as an AI", "empty", "characters", "words")
        rows = [
            (
                row.system,
                str(row.n),
                *(f"{share:.0%}" for share in (row.lists, row.markdown, row.names, row.ai_phrases, row.empty)),
                f"{row.median_characters:.0f}",
                f"{row.median_words:.0f}",
            )
            for row in self.systems
        ]
        title = "What gives a system away (share of its responses; median length)"
        said = self.warnings or (f"no trait alone tells two systems apart in {WARN_AT:.0%} of pairs",)
        return "\n".join((title, *_aligned([header, *rows]), *said))


def leak_table(study: Study) -> LeakTable:
    """What each system's responses show, and how well each trait alone tells two compared systems apart."""
    own_names = {system.id: _own_names(system) for system in study.config.systems}
    traits = {
        (response.prompt_id, response.system): response_traits(response.text, own_names.get(response.system))
        for response in study.responses
    }
    systems = [
        _system_leaks(name, [row for (_, system), row in traits.items() if system == name])
        for name in study.config.system_ids
    ]
    separations: list[Separation] = []
    for first, second in dict.fromkeys((pair.first, pair.second) for pair in study.pairs):
        pairs = [pair for pair in study.pairs if (pair.first, pair.second) == (first, second)]
        separations.extend(_separation(name, first, second, pairs, traits) for name in TRAITS)
    return LeakTable(tuple(systems), tuple(separations))


def response_traits(text: str, own_names: re.Pattern[str] | None = None) -> ResponseTraits:
    """The traits of one response; `own_names` finds the names of the system that wrote it."""
    marks = format_marks(text)
    named = _VENDOR.search(text) or (own_names and own_names.search(text))
    return ResponseTraits(
        lists=float(FormatMark.LIST in marks),
        markdown=float(bool(marks - {FormatMark.LIST})),
        names=float(bool(named)),
        ai_phrases=float(bool(_AI_PHRASE.search(text))),
        empty=float(not text.strip()),
        characters=float(len(text)),
        words=float(len(text.split())),
    )


def _own_names(system: System) -> re.Pattern[str] | None:
    """Finds the words of a system's id, model and name that are names and not plain words.

    A name may be a whole phrase ("a large model with a short prompt"): only its capitalised words count, as they are
    written.
    """
    ids = {word for source in (system.id, system.model or "") for word in _name_words(source)}
    written = {word for word in _name_words(system.name) if not word.islower()}
    parts = [f"(?i:{'|'.join(map(re.escape, sorted(ids)))})"] if ids else []
    parts += map(re.escape, sorted(written))
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)") if parts else None


def _name_words(source: str) -> list[str]:
    words = re.findall(r"[^\W\d_]{3,}[\d.]*", source)
    return [word for word in words if not _PLAIN_WORDS.fullmatch(word.lower().rstrip("0123456789."))]


def _system_leaks(system: str, rows: Sequence[ResponseTraits]) -> SystemLeaks:
    def share(of: Callable[[ResponseTraits], float]) -> float:
        return sum(map(of, rows)) / len(rows) if rows else 0.0

    return SystemLeaks(
        system=system,
        n=len(rows),
        lists=share(lambda row: row.lists),
        markdown=share(lambda row: row.markdown),
        names=share(lambda row: row.names),
        ai_phrases=share(lambda row: row.ai_phrases),
        empty=share(lambda row: row.empty),
        median_characters=median(row.characters for row in rows) if rows else 0.0,
        median_words=median(row.words for row in rows) if rows else 0.0,
    )


def _separation(
    trait: str,
    first: str,
    second: str,
    pairs: Iterable[Pair],
    traits: dict[tuple[str, str], ResponseTraits],
) -> Separation:
    differences = [
        getattr(traits[pair.prompt_id, first], trait) - getattr(traits[pair.prompt_id, second], trait) for pair in pairs
    ]
    right = sum(1.0 if gap > 0 else 0.5 if gap == 0 else 0.0 for gap in differences) / len(differences)
    marked = first if right >= 0.5 else second
    return Separation(trait, first, second, len(differences), max(right, 1 - right), marked)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
