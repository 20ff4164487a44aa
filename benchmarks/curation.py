"""Curation of a dump of the published size, against a plain pandas version of the published notebook.

    python benchmarks/curation.py [--scale 1 3 10] [--share 1] [--folder DIR] [--tokenizer NAME]

Makes a dump of 187,000 posts and 1.83 million comments (`--share` of it; zstd with the 2 GiB window of Reddit's dumps,
more than 60 fields a line) and runs each side in a process of its own, from the compressed files to written pairs,
with the same rules: `ppai curate --recipe published` without its token rule, and pandas. Both must choose the same
comments with the same texts of posts and answers. Ours must be 12 times faster and stay under 1 GB beside the window,
which is measured too, by decompressing the larger file alone: what stage one takes above that, or what the later stages
take in a process of their own, whichever is more. Then both recipes, the default one with its tokens, on 3 and 10 times
as many lines: a line's time must not grow by more than a quarter, and memory must stay under 1 GB. Needs the `curate`
extra; 10 times the size takes some 20 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

POSTS, COMMENTS = 187_000, 1_830_000
FASTER, MEMORY, SLOWER = 12.0, 1e9, 1.25
"""What ours must be, times, and may hold, bytes; and by how much a line of the largest dump may take longer."""
WINDOW_LOG = 31
FLAIRS = (
    "Advice",
    "Toddler 1-3 Years",
    "Teenager 13-19 Years",
    "Adult Children 18+ Years",
    "Update",
    "Rant/Vent",
    None,
)
_GONE = ("[deleted]", "[removed]", "")
_WORDS = """
    the a and to of my she he we is it for in with that her his but at so they this not have was are on be when our
    just like kids all out if what do me can about up or get time would as been had from will sleep school night
    really them one don't know now who how bed because want any more there husband mom dad daughter son toddler baby
    feel make think old year day even home eat food work family help try always never good little people much then
"""
_UNSET = """
    approved_at_utc approved_by associated_award author_cakeday author_flair_background_color author_flair_css_class
    author_flair_template_id author_flair_text author_flair_text_color awarders banned_at_utc banned_by
    collapsed_because_crowd_control collapsed_reason collapsed_reason_code comment_type likes mod_note mod_reason_by
    mod_reason_title mod_reports num_reports removal_reason report_reasons top_awarded_type unrepliable_reason
    user_reports
"""
_UNSET_OF_POSTS = """
    category content_categories crosspost_parent discussion_type flair_css_class link_flair_css_class media
    post_hint preview removed_by removed_by_category secure_media selftext_html suggested_sort thumbnail_height
    thumbnail_width view_count wls
"""


def prose(characters: int, draw: random.Random) -> str:
    """Words with the lengths and the punctuation of posts."""
    ends = [" "] * 12 + [", ", ". ", ". ", "\n\n", "? "]
    rare = [
        "http://example.org/a/b?c=1 ",
        "[here](https://example.com/x) ",
        "&amp; ",
        "u/someone ",
        "\n\nEdit: typo\n\n",
    ]
    words = _WORDS.split()
    parts: list[str] = []
    length = 0
    while length < characters:
        part = draw.choice(words) + draw.choice(ends) if draw.random() > 0.002 else draw.choice(rare)
        parts.append(part)
        length += len(part)
    return "".join(parts)


def make_dump(folder: Path, posts: int, comments: int, seed: int = 1) -> tuple[Path, Path]:
    """Two files, kept for the next run."""
    draw = random.Random(seed)
    files = folder / f"made_submissions_{posts}.zst", folder / f"made_comments_{comments}.zst"
    if all(file.exists() for file in files):
        return files
    base = prose(24_000_000, draw)
    for file, rows in zip(files, (_posts(base, posts, draw), _comments(base, posts, comments, draw)), strict=True):
        _write(file, rows)
    return files


def _text(base: str, mean: float, spread: float, draw: random.Random) -> str:
    length = int(min(12_000, draw.lognormvariate(mean, spread)))
    start = draw.randrange(len(base) - 12_000)
    return base[start : start + length].strip()


def _posts(base: str, count: int, draw: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(count):
        title = _text(base, 3.9, 0.4, draw).replace("\n", " ")
        gone = draw.random() < 0.2
        yield {
            **_filler(number, "t3"),
            "id": f"{number:x}",
            "title": title,
            "selftext": draw.choice(_GONE) if gone else _text(base, 6.4, 0.7, draw),
            "is_self": draw.random() < 0.93,
            "stickied": draw.random() < 0.001,
            "distinguished": "moderator" if draw.random() < 0.001 else None,
            "link_flair_text": draw.choice(FLAIRS),
            "score": int(draw.paretovariate(0.9)),
            "num_comments": int(draw.paretovariate(0.6)),
            "created_utc": 1_500_000_000 + number,
            "url": f"https://www.reddit.com/r/Parenting/comments/{number:x}/",
            "domain": "self.Parenting",
            "media_embed": {},
            "secure_media_embed": {},
            **dict.fromkeys(_UNSET_OF_POSTS.split()),
            "thumbnail": "self",
        }


def _comments(base: str, posts: int, count: int, draw: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(count):
        post = int(posts * draw.random() ** 2)
        parent = f"t3_{post:x}" if draw.random() < 0.45 else f"t1_{draw.randrange(count):x}"
        yield {
            **_filler(number, "t1"),
            "id": f"{number:x}",
            "link_id": f"t3_{post:x}",
            "parent_id": parent,
            "body": draw.choice(_GONE) if draw.random() < 0.08 else _text(base, 5.4, 0.9, draw),
            "score": int(draw.paretovariate(0.75)) - 1,
            "created_utc": 1_500_000_000 + number // 3,
            "controversiality": 0,
            "is_submitter": False,
        }


def _filler(number: int, kind: str) -> dict[str, Any]:
    """What a line has beside what curation reads, as in dumps of 2022."""
    return {
        "all_awardings": [],
        "archived": False,
        "author": f"user_{number % 190_001}",
        "author_created_utc": 1_400_000_000,
        "author_flair_background_color": None,
        "author_flair_css_class": None,
        "author_flair_richtext": [],
        "author_flair_text": None,
        "author_flair_type": "text",
        "author_fullname": f"t2_{number % 190_001:x}",
        "author_patreon_flair": False,
        "author_premium": False,
        "can_gild": True,
        "can_mod_post": False,
        "edited": False,
        "gilded": 0,
        "gildings": {},
        "locked": False,
        "name": f"{kind}_{number:x}",
        "no_follow": True,
        "permalink": f"/r/Parenting/comments/{number:x}/a_title_as_it_stands_in_links/",
        "retrieved_on": 1_600_000_000,
        "send_replies": True,
        "subreddit": "Parenting",
        "subreddit_id": "t5_2qhn3",
        "subreddit_name_prefixed": "r/Parenting",
        "subreddit_type": "public",
        "total_awards_received": 0,
        "treatment_tags": [],
        **dict.fromkeys(_UNSET.split()),
    }


def _write(file: Path, rows: Iterator[dict[str, Any]]) -> None:
    import zstandard

    how = zstandard.ZstdCompressionParameters.from_level(3, window_log=WINDOW_LOG)
    beside = file.with_suffix(".tmp")
    with beside.open("wb") as out, zstandard.ZstdCompressor(compression_params=how).stream_writer(out) as writer:
        for row in rows:
            writer.write(orjson.dumps(row) + b"\n")
    beside.rename(file)


# The published notebook, as plainly as pandas has it


def notebook(posts_file: Path, comments_file: Path, out: Path) -> None:
    """The published rules but the token one; the 85% are drawn and written."""
    posts = _frame(
        posts_file,
        ("id", "title", "selftext", "is_self", "stickied", "distinguished", "link_flair_text", "num_comments"),
    )
    posts = posts[posts["is_self"]]
    posts = posts[~posts["selftext"].str.strip().isin(["", "[deleted]", "[removed]"])]
    posts = posts[~posts["stickied"] & (posts["distinguished"] != "moderator")]
    posts = posts[posts["title"].str.contains("?", regex=False) | posts["selftext"].str.contains("?", regex=False)]
    posts = posts[posts["num_comments"] > 2]
    ids = {f"t3_{one}" for one in posts["id"]}

    comments = _frame(comments_file, ("id", "parent_id", "body", "score", "created_utc"))
    comments = comments[comments["parent_id"].apply(lambda one: one in ids)]
    comments = comments[~comments["body"].str.strip().isin(["", "[deleted]", "[removed]"])]
    comments["answer"] = comments["body"].apply(_clean)
    comments = comments.sort_values(["score", "created_utc", "id"], ascending=[False, True, True])
    best = comments.drop_duplicates("parent_id")
    best = best.assign(post=best["parent_id"].str[3:])
    pairs = best.merge(posts, left_on="post", right_on="id", suffixes=("", "_post"))
    flair = re.compile(r"\b(?:adult children|update|meta|ama|weekly|locked|trigger warnings?|rants?)\b", re.IGNORECASE)
    pairs = pairs[~pairs["link_flair_text"].fillna("").str.contains(flair)]
    pairs = pairs[(pairs["score"] >= 10) & (pairs["answer"].str.len() >= 55)]
    pairs["text"] = pairs["title"].apply(_fold) + " - " + pairs["selftext"].apply(_fold)
    pairs = pairs.sample(frac=1, random_state=42)
    train = int(0.85 * len(pairs)) // 2400 * 2400 or int(0.85 * len(pairs))
    columns = ["post", "id", "score", "text", "answer"]
    out.mkdir(parents=True, exist_ok=True)
    pairs.iloc[:train][columns].to_json(out / "train.jsonl", orient="records", lines=True)
    pairs.iloc[train:][columns].to_json(out / "validation.jsonl", orient="records", lines=True)


def _frame(file: Path, columns: tuple[str, ...]) -> Any:
    import io

    import pandas as pd
    import zstandard

    with file.open("rb") as raw:
        reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(raw)
        text = io.TextIOWrapper(reader, encoding="utf-8")
        parts = pd.read_json(text, lines=True, chunksize=100_000, convert_dates=False, dtype={"id": str})
        return pd.concat([part[list(columns)] for part in parts], ignore_index=True)


def _clean(text: str) -> str:
    text = re.sub(r"\[([^\]\[]*)\]\((?:[^()\s]|\([^()\s]*\))*\)", r"\1", text)
    return _fold(re.sub(r"(?i)(?:https?://|www\.)(?:[^\s()<>]|\([^\s()<>]*\))+", "", text))


def _fold(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


# Ours


class Stopwatch:
    """Times every step, and notes the memory that was taken up to its end."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}
        self._open: tuple[str, float] | None = None

    def note(self, text: str) -> None:
        now = time.perf_counter()
        if self._open:
            name, start = self._open
            self.seconds[name] = self.seconds.get(name, 0) + now - start
            self.peaks[name] = peak()
        self._open = (text, now)

    @contextmanager
    def bar(self, what: str, total: int, unit: str) -> Iterator[Callable[[int], object]]:
        self.note(what)
        yield lambda _: None
        self.note("rest")


def peak() -> int:
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ours(posts_file: Path, comments_file: Path, out: Path, recipe: str, tokenizer: str) -> Stopwatch:
    from finetune.curation.recipe import read_recipe
    from finetune.curation.run import Wanted, curate

    chosen = read_recipe(recipe, {"tokenizer": tokenizer})
    tests = {str(number): prose(600, random.Random(number)) for number in range(100)} if chosen.near_tests else {}
    watch = Stopwatch()
    curate(Wanted((str(posts_file),), (str(comments_file),), out, chosen, tests, threads=2), watch)
    watch.note("end")
    return watch


def window(comments_file: Path) -> None:
    """Decompresses and does nothing: the memory that the file's window takes."""
    from finetune.curation.blocks import read_blocks

    for _ in read_blocks(comments_file):
        pass


# Measuring


def measured(side: str, posts_file: Path, comments_file: Path, out: Path, *more: str) -> dict[str, Any]:
    """Runs one side in a process of its own: seconds with its start, peak bytes, and what it printed."""
    command = [sys.executable, __file__, "--side", side, str(posts_file), str(comments_file), str(out), *more]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"seconds": time.perf_counter() - start, **json.loads(done.stdout.splitlines()[-1])}


def _side(side: str, posts_file: Path, comments_file: Path, out: Path, *more: str) -> None:
    watch = Stopwatch()
    if side == "ours":
        watch = ours(posts_file, comments_file, out, *more)
    elif side == "pandas":
        notebook(posts_file, comments_file, out)
    else:
        window(comments_file)
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"peak": peak(), "cpu": used.ru_utime + used.ru_stime, "steps": watch.seconds, "peaks": watch.peaks}
    print(json.dumps(told))


def chosen(out: Path, post: str, comment: str) -> dict[str, tuple[str, str, str]]:
    """For each post of the written splits its text, the comment and the comment's text."""
    found = {}
    for name in ("train", "validation"):
        for line in (out / f"{name}.jsonl").open("rb"):
            row = orjson.loads(line)
            texts = [one["content"] for one in row["messages"][-2:]] if "messages" in row else None
            asked, answer = texts or (row["text"], row["answer"])
            found[row[post]] = (asked, row[comment], answer)
    return found


def _figures(run: dict[str, Any]) -> str:
    return f"{run['seconds']:8.1f} s   {run['cpu']:7.1f} s of CPU   peak {run['peak'] / 1e9:5.2f} GB"


def _steps(run: dict[str, Any]) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in run["steps"].items())


def _beside(
    run: dict[str, Any], files: tuple[Path, Path], out: Path, recipe: str, tokenizer: str
) -> tuple[float, float]:
    """Bytes beside the window: of stage one, and of the others alone, done again on what the first has kept."""
    first = run["peaks"]["reading"] - measured("window", *files, out)["peak"]
    for rules in (out / "stages").glob("rules-*"):
        shutil.rmtree(rules)
    return first, measured("ours", *files, out, recipe, tokenizer)["peak"]


def compare(folder: Path, files: tuple[Path, Path]) -> bool:
    notebook_run = measured("pandas", *files, folder / "pandas")
    our_run = measured("ours", *files, folder / "ours", "published", "none")
    theirs, mine = chosen(folder / "pandas", "post", "id"), chosen(folder / "ours", "id", "comment_id")
    for name, run, found in (("pandas", notebook_run, theirs), ("ours", our_run, mine)):
        print(f"{name:10} {_figures(run)}   {len(found):,} pairs")
    print(f"           {_steps(our_run)}", flush=True)
    same, faster = theirs == mine, notebook_run["seconds"] / our_run["seconds"]
    first, others = _beside(our_run, files, folder / "ours", "published", "none")
    print(f"same comments and texts: {same}; {faster:.1f} times faster (needed {FASTER:.0f}); {first / 1e9:.2f} GB "
          f"beside the window, {others / 1e9:.2f} GB in the later stages alone (at most {MEMORY / 1e9:.0f})",
          flush=True)  # fmt: skip
    return same and faster >= FASTER and max(first, others) < MEMORY


def grow(folder: Path, out: Path, scales: list[float], share: float, recipe: str, tokenizer: str) -> bool:
    """Whether time is linear, and memory within its bounds."""
    print(f"\n{recipe}: scale   seconds   microseconds a line   GB: stage one, beside the window   the others alone")
    a_line, good = [], True
    for scale in scales:
        posts, comments = int(POSTS * share * scale), int(COMMENTS * share * scale)
        files, here = make_dump(folder, posts, comments), out / f"{recipe}_{scale}"
        run = measured("ours", *files, here, recipe, tokenizer)
        first, others = _beside(run, files, here, recipe, tokenizer)
        shutil.rmtree(here)
        a_line.append(1e6 * run["seconds"] / (posts + comments))
        good &= max(first, others) < MEMORY
        print(f"{scale:{len(recipe) + 7}g}  {run['seconds']:8.1f}   {a_line[-1]:19.2f}   {first / 1e9:32.2f}   "
              f"{others / 1e9:16.2f}\n  {_steps(run)}", flush=True)  # fmt: skip
    linear = a_line[-1] <= SLOWER * a_line[0]
    print(f"time linear: {linear}; memory under {MEMORY / 1e9:.0f} GB: {good}", flush=True)
    return linear and good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, nargs="*", default=[1, 3, 10])
    parser.add_argument("--share", type=float, default=1.0, help="of the published size")
    parser.add_argument("--folder", type=Path, help="where the dumps are made, and kept for the next time")
    parser.add_argument("--tokenizer", default="smollm2-135m-instruct", help="of the default recipe")
    parser.add_argument("--side", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, posts_file, comments_file, out, *more = options.side
        _side(side, Path(posts_file), Path(comments_file), Path(out), *more)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        folder = options.folder or Path(made)
        files = make_dump(folder, int(POSTS * options.share), int(COMMENTS * options.share))
        good = compare(Path(made), files)
        if options.scale:
            for recipe, tokenizer in (("published", "none"), ("default", options.tokenizer)):
                good &= grow(folder, Path(made), options.scale, options.share, recipe, tokenizer)
    sys.exit(not good)


if __name__ == "__main__":
    main()
