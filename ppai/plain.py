"""Flattens markdown and lists to plain prose, for the arm in which format must not give a system away.

Models' texts are often stored without their line breaks, so that lists run on inside a paragraph ("Try this: 1. Sit
down 2. Listen"). Those are found too, by a rule that leaves the numbers of normal prose alone: see `ppai.run_on_lists`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from ppai.run_on_lists import run_on_marks

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
