"""Flattens markdown and lists to plain prose, for the arm in which format must not give a system away.

Models' texts are often stored without their line breaks, so that lists run on inside a paragraph ("Try this: 1. Sit
down 2. Listen"). Those are found too, by a rule that leaves the numbers of normal prose alone: see `run_on_marks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

MAX_LIST_NUMBER = 99
"""A larger number before a full stop is taken for a year or an amount."""


class FormatMark(StrEnum):
    """A kind of format that a text shows."""

    LIST = "list"
    HEADING = "heading"
    EMPHASIS = "emphasis"
    CODE = "code"
    LINK = "link"
    TABLE = "table"
    QUOTE = "quote"


def flatten(text: str) -> str:
    """The text as prose paragraphs, a blank line between them; no word is lost, and twice is the same as once.

    Headings, emphasis, code, links (their text stays), quotes, tables, bullets and list numbers lose their marks;
    what a list or a table held follows as sentences. A pass can lay bare marks that another one hid, so passes
    are made until nothing changes.
    """
    for _ in range(64):
        flat, _ = _pass(text)
        if flat == text:
            break
        text = flat
    return text


def format_marks(text: str) -> frozenset[FormatMark]:
    """The kinds of format in a text, lists that run on inside a paragraph included."""
    return _pass(text)[1]


# --- lists that run on inside a paragraph -------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<!\S)(?P<open>\(?)(?P<number>\d{1,2})(?P<close>[.)])(?=\s|$)")
_BULLET = re.compile(r"(?<!\S)(?:[•◦▪‣●○■]\s*(?=\S)|[*-](?=\s+\S))")
_PAUSE = re.compile(r"(?:^|\n|[.!?:;,…)\]\"'”’*–—-])[ \t]*$")
_STOP = re.compile(r"(?:^|\n|[.!?:;…)\"”])[ \t]*$")
_COLON = re.compile(r":\s*$")
_WORD_BEFORE = re.compile(r"[A-Za-z]\s*$")
_BEFORE_AMOUNT = re.compile(
    r"\b(?:a|about|above|after|ages?|aged|an|and|are|around|as|at|be|before|below|between|by|chapter|class|day|"
    r"exactly|for|from|grade|has|have|hour|in|is|just|least|less|level|line|month|more|most|nearly|no|number|of|"
    r"on|only|or|over|page|part|phase|question|room|since|size|stage|step|than|the|then|through|till|times|to|"
    r"turned|turning|turns|under|until|version|was|week|were|with|within|year)\s*$",
    re.IGNORECASE,
)
"""Words after which a number ends a sentence rather than opens a point: "he stopped at 2. Then"."""


@dataclass(frozen=True)
class _Candidate:
    start: int
    end: int
    number: int
    after_pause: bool


def run_on_marks(text: str, after: int = 0) -> list[tuple[int, int, int]]:
    """The list marks inside a paragraph, as (start, end, number); a bullet's number is 0.

    Numbers count when they make a run 1, 2, ... in one style ("1.", "1)" or "(1)"), each one more than the one
    before, none right after a word that calls for an amount ("at 2. Then"). A run of two must begin the paragraph
    or follow a punctuation mark; one of three need not. `after` says that the text continues a list whose
    last number it is. Bullets ("*", "-") count when two follow a colon or the paragraph's beginning; signs that are
    nothing but bullets ("•") always do.
    """
    return _numbers(text, after) or _bullets(text)


def _numbers(text: str, after: int) -> list[tuple[int, int, int]]:
    by_style: dict[str, list[_Candidate]] = {}
    for match in _NUMBER.finditer(text):
        before = text[max(0, match.start() - 40) : match.start()]
        pause = bool((_STOP if after else _PAUSE).search(before))
        if pause or (_WORD_BEFORE.search(before) and not _BEFORE_AMOUNT.search(before)):
            candidate = _Candidate(match.start(), match.end(), int(match["number"]), pause)
            by_style.setdefault(match["open"] + match["close"], []).append(candidate)
    runs = (run for candidates in by_style.values() for run in _runs(candidates, after))
    return sorted((mark.start, mark.end, mark.number) for run in runs for mark in run)


def _runs(candidates: Iterable[_Candidate], after: int) -> Iterator[list[_Candidate]]:
    """Ascending runs among marks of one style; a new 1 after a pause begins the next."""
    run: list[_Candidate] = []
    continues = after
    for mark in candidates:
        if mark.number == 1 and (mark.after_pause or not run):
            if _is_list(run, continues):
                yield run
            run, continues = [mark], 0
        elif mark.number == (run[-1].number if run else continues) + 1 and (run or continues):
            run.append(mark)
    if _is_list(run, continues):
        yield run


def _is_list(run: Sequence[_Candidate], continues: int) -> bool:
    if not run:
        return False
    needed = 3 - run[0].after_pause - bool(continues)
    return len(run) >= needed


def _bullets(text: str) -> list[tuple[int, int, int]]:
    found = list(_BULLET.finditer(text))
    marks = [match for match in found if match[0][0] not in "*-"]
    for sign in "*-":
        run = [match for match in found if match[0] == sign]
        openings = (n for n, match in enumerate(run) if _opens_bullets(text, match.start()))
        opening = next(openings, None)
        if opening is not None and len(run) - opening >= 2:
            marks += run[opening:]
    return sorted((match.start(), match.end(), 0) for match in marks)


def _opens_bullets(text: str, start: int) -> bool:
    return start == 0 or bool(_COLON.search(text[max(0, start - 10) : start]))


# --- one pass over the parsed text --------------------------------------------------------------------------------

_LINE_BULLET = re.compile(r"^[ \t]*(?:[•◦▪‣●○■]\s*|–[ \t]+)(?=\S)", re.MULTILINE)
_DEEP_LINE = re.compile(r"^(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))){9,}", re.MULTILINE)
_STRAY_BOLD = re.compile(r"(?<!\S)\*\*(?=\w)")
_NESTED_ENTITY = re.compile(r"&(?:(?:amp|#0*38|#[xX]0*26);){2,}")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_CELL_END = re.compile(r"(?<!\\)\|")
_TASK_BOX = re.compile(r"^\[[ xX]\]\s+")
_ENDED = re.compile(r"[.!?:;,…。！？—–-][\"'”’)\]*_]*$")
_LANGUAGE = re.compile(r"[\w+#.-]{0,20}")


class _Kind(StrEnum):
    PARAGRAPH = "paragraph"
    HEADING = "heading"
    LIST = "list"


@dataclass(frozen=True)
class _Block:
    text: str
    kind: _Kind = _Kind.PARAGRAPH


@cache
def _parser() -> MarkdownIt:
    """CommonMark without HTML; without reference definitions and indented code, which would hide words of prose."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 60})
    return parser.enable("strikethrough").disable(["reference", "code"])


def _pass(text: str) -> tuple[str, frozenset[FormatMark]]:
    text = _NESTED_ENTITY.sub("&amp;", _LINE_BULLET.sub("- ", text))
    text = _DEEP_LINE.sub("", text)
    walker = _Walker(set())
    blocks = walker.blocks(SyntaxTreeNode(_parser().parse(text)).children)
    return "\n\n".join(_paragraphs(blocks)), frozenset(walker.marks)


class _Walker:
    """Turns parsed blocks into blocks of flat text, noting the marks that it meets."""

    def __init__(self, marks: set[FormatMark], point: int = 0) -> None:
        self.marks = marks
        self.point = point
        """The number of the list item whose contents are walked; 0 outside of one."""
        self.last_number = 0
        """Of the numbered list before, which a later one may continue."""

    def blocks(self, nodes: Sequence[SyntaxTreeNode]) -> list[_Block]:
        return [block for node in nodes for block in self.block(node) if block.text]

    def block(self, node: SyntaxTreeNode) -> list[_Block]:
        match node.type:
            case "heading":
                self.marks.add(FormatMark.HEADING)
                return [_Block(_collapsed(self.inline(node)), _Kind.HEADING)]
            case "paragraph":
                return [self.paragraph(node.children[0])]
            case "bullet_list":
                self.marks.add(FormatMark.LIST)
                texts = [self.item(item)[0] for item in node.children]
                return [_Block(_closed(_sentences(texts)), _Kind.LIST)]
            case "ordered_list":
                return self.numbered(node)
            case "blockquote":
                self.marks.add(FormatMark.QUOTE)
                return self.blocks(node.children)
            case "fence":
                self.marks.add(FormatMark.CODE)
                info = "" if _LANGUAGE.fullmatch(node.info.strip()) else node.info
                return [_Block(_collapsed(f"{info} {node.content}"))]
        return []

    def paragraph(self, inline: SyntaxTreeNode) -> _Block:
        lines = inline.content.split("\n")
        rule = next((n for n, line in enumerate(lines) if n and _is_table_rule(lines, n)), None)
        if rule is not None:
            self.marks.add(FormatMark.TABLE)
            rows = [self.row(line) for line in (lines[rule - 1], *lines[rule + 1 :])]
            before = _collapsed(" ".join(self.parsed(line) for line in lines[: rule - 1]))
            return _Block(_closed(_sentences([before, *rows])))
        text = self.inline(inline)
        children = [child for child in inline.children if child.type != "text" or child.content.strip()]
        if [child.type for child in children] == ["strong"]:
            return _Block(_collapsed(text), _Kind.HEADING)
        return _Block(self.unlisted(text))

    def unlisted(self, text: str) -> str:
        """A paragraph's text without the marks of lists that run on in it."""
        marks = run_on_marks(text, self.point)
        if not marks:
            return _collapsed(text)
        self.marks.add(FormatMark.LIST)
        self.point = marks[-1][2] if self.point else 0
        ends = [*(start for start, _, _ in marks[1:]), len(text)]
        points = [text[end:stop] for (_, end, _), stop in zip(marks, ends, strict=True)]
        return _sentences(_collapsed(piece) for piece in (text[: marks[0][0]], *points))

    def numbered(self, node: SyntaxTreeNode) -> list[_Block]:
        numbers = [int(item.info) for item in node.children]
        known = numbers[0] <= 1 or len(numbers) > 1 or numbers[0] == self.last_number + 1
        if not known or numbers[0] > MAX_LIST_NUMBER:
            return [_Block(_collapsed(f"{item.info}{item.markup} {self.item(item)[0]}")) for item in node.children]
        self.marks.add(FormatMark.LIST)
        items = [self.item(item) for item in node.children]
        self.last_number = items[-1][1]
        return [_Block(_closed(_sentences(text for text, _ in items)), _Kind.LIST)]

    def item(self, node: SyntaxTreeNode) -> tuple[str, int]:
        """The flat text of a list's item, and the last number in it: its own, or one that runs on."""
        inner = _Walker(self.marks, int(node.info or 0))
        text = _sentences(_paragraphs(inner.blocks(node.children)))
        return _TASK_BOX.sub("", text), inner.point

    def row(self, line: str) -> str:
        cells = (self.parsed(cell) for cell in _CELL_END.split(line))
        return ", ".join(cell for cell in cells if cell)

    def parsed(self, source: str) -> str:
        """The flat text of a line of markdown."""
        return _collapsed(self.inline(SyntaxTreeNode(_parser().parseInline(source.strip()))))

    def inline(self, node: SyntaxTreeNode) -> str:
        """The text of an inline node, with its line breaks."""
        match node.type:
            case "text" | "text_special":
                return _STRAY_BOLD.sub("", node.content)
            case "softbreak" | "hardbreak":
                return "\n"
            case "code_inline":
                self.marks.add(FormatMark.CODE)
                return node.content
            case "em" | "strong" | "s":
                self.marks.add(FormatMark.EMPHASIS)
            case "link" | "image":
                self.marks.add(FormatMark.LINK)
        return "".join(self.inline(child) for child in node.children)


def _is_table_rule(lines: list[str], number: int) -> bool:
    return "|" in lines[number - 1] and "|" in lines[number] and bool(_TABLE_RULE.fullmatch(lines[number]))


def _paragraphs(blocks: Iterable[_Block]) -> list[str]:
    """Paragraphs, where a heading opens the one that follows, and a list goes on in the one that announced it."""
    result: list[str] = []
    heading = ""
    for block in blocks:
        if block.kind is _Kind.HEADING:
            heading = _announced(heading, block.text)
        elif block.kind is _Kind.LIST and not heading and result and result[-1].endswith(":"):
            result[-1] = f"{result[-1]} {block.text}"
        else:
            result.append(_announced(heading, block.text))
            heading = ""
    return [*result, heading] if heading else result


def _announced(heading: str, text: str) -> str:
    if not heading:
        return text
    return f"{heading} {text}" if _ended(heading) else f"{heading}: {text}"


def _sentences(pieces: Iterable[str]) -> str:
    """The pieces one after another, each ended by a mark: its own, a semicolon before a small letter, or a stop."""
    parts: list[str] = []
    for piece in filter(None, pieces):
        if parts and not _ended(parts[-1]):
            parts[-1] += ";" if piece[0].islower() else "."
        parts.append(piece)
    return " ".join(parts)


def _ended(text: str) -> bool:
    return bool(_ENDED.search(text[-20:]))


def _closed(text: str) -> str:
    return text if not text or _ended(text) else f"{text}."


def _collapsed(text: str) -> str:
    return " ".join(text.split())
