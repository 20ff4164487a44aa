"""What is done to texts: links, trailing edits, personal data and white space, as DuckDB rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import pytest

from finetune.curation import texts

CONNECTION = ibis.duckdb.connect()


def rewritten(text: str, rewrite: Callable[[Any], Any]) -> str:
    return str(CONNECTION.execute(rewrite(ibis.literal(text))))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("See https://a.org/b?c=(d)#e, it helps", "See  it helps"),
        ("See [this page](https://a.org/b_(c)) now", "See this page now"),
        ("(https://a.org) and www.b.com/x.", "() and "),
        ("HTTP://A.ORG ok", " ok"),
        ("So true ![gif](giphy|3o7aD|downsized) and ![](https://i.redd.it/a.png)", "So true  and "),
        ("[a](https://u.org \"its title\"), [b](<https://u.org> 'c')", "a, b"),
        ("Read <https://a.org/b?c> and <www.b.com>.", "Read  and ."),
        ("[not](a link) [x] (y)", "[not](a link) [x] (y)"),
        ("a < b, http is a word", "a < b, http is a word"),
    ],
)
def test_links_are_taken_out_and_their_texts_stay(text: str, left: str) -> None:
    assert rewritten(text, lambda column: texts.without_links(column, r"\1")) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Ask /u/some-one or u/Other_1.", "Ask [user] or [user]."),
        (r"Ask u/some\_one\_else or @jo_x, @ 5 pm or @5pm", "Ask [user] or [user], @ 5 pm or @5pm"),
        ("menu/items and you/me stay", "menu/items and you/me stay"),
        ("Write to Jo.Doe+x@mail.example.co.uk!", "Write to [email]!"),
        ("Call (555) 123-4567 or 555-123-4567.", "Call [phone] or [phone]."),
        ("555-123-4567 555-987-6543,555-123-4568/555-123-4569", "[phone]"),
        ("5551234567, 020 7946 0958, (020) 7946-0958", "[phone]"),
        ("0170/1234567 or 089 / 1234-567, 612 345 678 y 612 34 56 78", "[phone] or [phone] y [phone]"),
        ("700 800 grams, 1/2 or 01/02/2024 and 650 300 ml", "700 800 grams, 1/2 or 01/02/2024 and 650 300 ml"),
        ("tel:07700 900123, Tel.0171 2345678, 01 23 45 67 89", "tel:[phone], Tel.[phone]"),
        (
            "on 01.12.2020 or 01012020, at 1500000000, 0.500 1000",
            "on 01.12.2020 or 01012020, at 1500000000, 0.500 1000",
        ),
        ("+44 20 7946 0958 is mine; 1-800-273-8255 too", "[phone] is mine; [phone] too"),
        (
            "Ages 10-12, in 2019-2020, $1.000.000, 7:30-8:30, 2 to 3 1/2",
            "Ages 10-12, in 2019-2020, $1.000.000, 7:30-8:30, 2 to 3 1/2",
        ),
        ("100 200 300 kids", "100 200 300 kids"),
        ("[my blog](http://x.org/a) and https://y.org", "my blog and [link]"),
        ("<https://y.org/a> ![img](emote|t5_2|1)", "[link] [link]"),
        ("a.com b.org c.net", "[link] [link] [link]"),
        ("Look at example.com/page, or shop.example.co.uk", "Look at [link], or [link]"),
        ("It is late.I know. Sleep.net effect", "It is late.I know. [link] effect"),
        ("i.e. he, e.g.community.come on", "i.e. he, e.g.community.come on"),
    ],
)
def test_personal_data_are_replaced(text: str, left: str) -> None:
    assert rewritten(text, lambda column: texts.without_personal(column, r"\1")) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("It works.\n\nEdit: spelling", "It works."),
        ("It works.\n**EDIT 2:** thanks for all", "It works."),
        ("It works.\n\nEdit: one\n\nEdit 2: two\n", "It works."),
        ("It works.\n\n**TL;DR**\n\ntry it", "It works."),
        ("It works. Edit: one\n\nEdit 2: two", "It works."),
        ("It works.\n\nTL;DR: try it", "It works."),
        ("It works.\n\ntldr - try it", "It works."),
        ("It works.\n\n*Edited (to add)*: more", "It works."),
        ("It works.\n\nUpdate: she slept!", "It works."),
        ("It works. Edit: typo.", "It works."),
        ("It works! ETA: more", "It works!"),
        ("Edit: this is all there is", "Edit: this is all there is"),
        ("I edit: photos, mostly.\nEdit photos often.", "I edit: photos, mostly.\nEdit photos often."),
        ("We update them.\n\nUpdates come daily", "We update them.\n\nUpdates come daily"),
    ],
)
def test_trailing_edits_are_cut(text: str, left: str) -> None:
    assert rewritten(text, lambda column: texts.without_edits(column, r"\1")) == left


STORY = "My son is four and will not sleep in his own bed.\n\nWhat would you do?"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"Hi all.\n\nEdit: thanks\n\n{STORY}", f"Hi all.\n\nEdit: thanks\n\n{STORY}"),
        (f"Hi all. Edit: typo.\n\n{STORY}", f"Hi all. Edit: typo.\n\n{STORY}"),
        (f"Hi all.\n\nTL;DR\n\nhe is up at night\n\n{STORY}", f"Hi all.\n\nTL;DR\n\nhe is up at night\n\n{STORY}"),
        (f"Hi all.\n\nEdit: thanks\n\n{STORY}\n\nEdit 2: yes", f"Hi all.\n\nEdit: thanks\n\n{STORY}"),
        (f"{STORY}\n\nEdit: thanks\n\nfor all of it", STORY),
    ],
)
def test_an_edit_is_cut_with_what_follows_only_where_the_larger_part_stays(text: str, left: str) -> None:
    assert rewritten(text, lambda column: texts.without_edits(column, r"\1")) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("  a  b\tc\r\n\nd \u00a0e\u200bf\u3000 ", "a b c d e f"),
        ("a b", "a b"),
        ("a \n b", "a b"),
        ("\n", ""),
        ("é  ü", "é ü"),
    ],
)
def test_white_space_is_folded(text: str, left: str) -> None:
    assert rewritten(text, texts.folded) == left


@pytest.mark.parametrize(
    ("text", "words"),
    [("é", True), ("4", True), ("[link] x", True), ("[link] [user]", False), (" \u200b😀.?", False), ("", False)],
)
def test_what_holds_words(text: str, words: bool) -> None:
    assert CONNECTION.execute(texts.has_words(ibis.literal(text))) == words


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Tom &amp; I: 3 &lt; 4 &gt; 2 &quot;x&quot; &#39;y&#39;", "Tom & I: 3 < 4 > 2 \"x\" 'y'"),
        ("a&amp;nbsp;b&amp;#x200B;c", "a b c"),
        ("AT&T", "AT&T"),
    ],
)
def test_escapes_of_html_are_put_back(text: str, left: str) -> None:
    assert rewritten(text, texts.without_escapes) == left
