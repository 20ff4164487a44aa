"""What a system's responses are like, without any reference: length, lists, reading grade, person, repetition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.metadata import version

import numpy as np

from eval.metrics.measure import Measure, means
from ppai.errors import MissingPackage
from ppai.leaks import response_traits
from ppai.scored import DESCRIPTION_FIGURES

REPEATED_ORDER = 4
"""Length in words of the n-grams of `self_repetition`."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_FIRST_PERSON = frozenset({"i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves"})
_SECOND_PERSON = frozenset({"you", "your", "yours", "yourself", "yourselves"})
_QUESTION, _EXCLAMATION = re.compile(r"[?！!]*[?？][?？!！]*"), re.compile(r"[!！]+")

Ngram = tuple[str, ...]


def describe(texts: Sequence[str]) -> Measure:
    """The figures of `DESCRIPTION_FIGURES` of one system's responses; each is a mean of the responses' own.

    `words` are what blanks separate, `characters` code points, `sentences` those of textstat (which passes over
    pieces of one or two words). `list_share` is the share of responses with a list, as `ppai study check` finds
    them. `reading_grade` is the Automated Readability Index (Senter and Smith 1967) in US school grades: unlike
    Flesch and Kincaid's it needs no dictionary of syllables, which textstat would download. `first_person_share` and
    `second_person_share` are shares of the words (I, me, my, we ...; you, your ...; English). `questions` and
    `exclamation_marks` count marks, a run as one. `distinct_2` is the share of different ones among a response's
    pairs of words (Li et al. 2016). `self_repetition` is the share of a response's 4-grams of words that another
    response of the system holds too (Salkar et al. 2022 count them; a share leaves length out).

    A figure that a response does not have, such as the grade of an empty one, counts in no mean.
    Raises MissingPackage.
    """
    try:
        import textstat
    except ImportError:
        raise MissingPackage("textstat", "scores") from None
    words = [_words(text) for text in texts]
    repetition = _self_repetition(words)
    values = []
    for text, tokens, repeated in zip(texts, words, repetition, strict=True):
        count, lists, characters = _traits(text)
        sentences = textstat.sentence_count(text) if count else 0
        grade = textstat.automated_readability_index(text) if tokens else np.nan
        heads = [re.split("['’]", word, maxsplit=1)[0] for word in tokens]
        first, second = (_share(head in person for head in heads) for person in (_FIRST_PERSON, _SECOND_PERSON))
        questions, exclamations = len(_QUESTION.findall(text)), len(_EXCLAMATION.findall(_QUESTION.sub("", text)))
        distinct = _distinct(_ngrams(tokens, 2))
        row = [count, sentences, characters, lists, grade, first, second, questions, exclamations, distinct, repeated]
        values.append(row)
    return means(
        DESCRIPTION_FIGURES, values, f"ppai|textstat:{version('textstat')}|grade:ARI|words:blanks|means of responses"
    )


@lru_cache(maxsize=20_000)
def _traits(text: str) -> tuple[float, float, float]:
    """Words, whether there is a list, characters; kept, since finding lists means parsing the text."""
    traits = response_traits(text)
    return traits.words, traits.lists, traits.characters


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _share(marks: Iterable[bool]) -> float:
    found = list(marks)
    return sum(found) / len(found) if found else np.nan


def _ngrams(words: Sequence[str], order: int) -> list[Ngram]:
    return [tuple(words[start : start + order]) for start in range(len(words) - order + 1)]


def _distinct(ngrams: Sequence[Ngram]) -> float:
    return len(set(ngrams)) / len(ngrams) if ngrams else np.nan


def _self_repetition(texts: Sequence[Sequence[str]]) -> list[float]:
    ngrams = [_ngrams(words, REPEATED_ORDER) for words in texts]
    holders = Counter(ngram for found in ngrams for ngram in set(found))
    return [_share(holders[ngram] > 1 for ngram in found) for found in ngrams]
