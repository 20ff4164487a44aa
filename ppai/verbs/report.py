"""`ppai report`: what people and judges said of a study, as JSON, as one static page, or as tables in Markdown."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from ppai.errors import PPAIError
from ppai.verbs.options import StudyName, example

if TYPE_CHECKING:
    from ppai.source import Source
    from ppai.static_report.appendix import Making
    from ppai.static_report.arms import ArmReport
    from ppai.ui.report import Data

EPILOG = example(
    "ppai report data_to_share --html report",
    "ppai report sqlite:///var/ppai.db --json summary.json",
    "ppai report data_to_share --markdown",
)
STANDARD_OUTPUT = "-"


class ReportCommand(TyperCommand):
    """Takes `--markdown` without a file too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for place in range(len(args) - 1, -1, -1):
            if args[place] == "--markdown" and (args[place + 1 :] or ["--"])[0].startswith("--"):
                args.insert(place + 1, STANDARD_OUTPUT)
        try:
            return super().parse_args(ctx, list(args))
        except typer.BadParameter as error:
            taken = args[args.index("--markdown") + 1] if "--markdown" in args else STANDARD_OUTPUT
            if error.param is None or error.param.name != "source" or taken == STANDARD_OUTPUT:
                raise
            raise PPAIError(f"--markdown took {taken!r} as its file: name the study before it") from error


def report(
    source: Annotated[str, typer.Argument(metavar="STUDY", help="a study directory or a store URL")],
    json_file: Annotated[str | None, typer.Option("--json", help="file to write; - for standard output")] = None,
    html_dir: Annotated[
        Path | None, typer.Option("--html", metavar="DIR", help="directory for one page that needs no network")
    ] = None,
    markdown_file: Annotated[
        str | None, typer.Option("--markdown", help="file for tables in Markdown; alone or - for standard output")
    ] = None,
    criterion: Annotated[
        str | None, typer.Option(help="shown where there is room for one; default the study's primary one")
    ] = None,
    study: StudyName = None,
) -> None:
    """Write what people and judges said: a summary as JSON, a static page, tables in Markdown, or several of them."""
    from eval import report as statistics
    from ppai.markdown_report import markdown_report
    from ppai.report_json import report_json
    from ppai.source import open_source
    from ppai.static_report.arms import arm_reports

    if json_file is None and html_dir is None and markdown_file is None:
        raise PPAIError("nothing to write: give --json FILE, --html DIR or --markdown")
    if json_file == markdown_file == STANDARD_OUTPUT:
        raise PPAIError("--json and --markdown: only one of them can go to standard output")
    _refuse_places(json_file, html_dir, markdown_file)
    opened = open_source(source, study)
    keys = opened.study.config.keys
    if criterion is not None and criterion not in keys:
        raise PPAIError(f"--criterion: the study has no {criterion!r}; it has: {', '.join(keys)}")
    data = _data(opened)
    summary = report_json(_summary(data), data)
    text = json.dumps(summary, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    paged = html_dir is not None or markdown_file is not None
    arms = arm_reports(data, statistics, criterion, summary) if paged else []
    if html_dir is not None:
        making = _making(data, summary, _command(opened.address, criterion, study))
        _write_page(html_dir, arms, summary, text, making)
    if markdown_file is not None:
        _write(markdown_file, markdown_report(arms, summary))
    if json_file is not None:
        _write(json_file, text)


def _data(opened: Source) -> Data:
    from ppai.frames import current_votes
    from ppai.ui.report import Data

    votes = current_votes(opened.votes)
    return Data(opened.study, votes, opened.verdicts, opened.scores, opened.showings, opened.guesses)


def _summary(data: Data) -> dict[str, Any]:
    from eval.report import summarise

    return summarise(data.study, data.votes, data.verdicts, assignments=data.showings, guesses=data.guesses).as_json()


def _making(data: Data, summary: Mapping[str, Any], command: str) -> Making:
    """What a reader needs to make the page again."""
    from eval.statistics import prediction_powered, strengths
    from ppai.static_report.appendix import Making
    from ppai.static_report.digest import data_digest
    from ppai.static_report.methods import COMBINED, STRENGTHS, methods_of

    seeds = {
        STRENGTHS: f"{strengths.SEED}, {strengths.REPLICATES:,} bootstrap replicates",
        COMBINED: f"{prediction_powered.SEED}, for the parts of the cross-fitting",
    }
    used = {method.figure for method, _ in methods_of(summary)}
    return Making(command, data_digest(data), {figure: seed for figure, seed in seeds.items() if figure in used})


def _command(address: str, criterion: str | None, study: str | None) -> str:
    """As it can be typed again; where the page was written says nothing of what it holds."""
    options = {"--criterion": criterion, "--study": study}
    given = [word for name, value in options.items() if value is not None for word in (name, value)]
    return shlex.join(["ppai", "report", address, "--html", "DIR", *given])


def _write_page(
    directory: Path, arms: Sequence[ArmReport], summary: Mapping[str, Any], text: str, making: Making
) -> None:
    from ppai.static_report.page import page_html
    from ppai.static_report.space import space_readme
    from ppai.studyfiles.whole_files import write_whole

    _refuse_another_readme(directory / "README.md")
    page = page_html(arms, summary, making)
    write_whole(directory, {"index.html": page, "summary.json": text, "README.md": space_readme(arms[0].report.study)})
    typer.echo(f"wrote {directory / 'index.html'}, with summary.json and a README.md beside it", err=True)


def _refuse_places(json_file: str | None, html_dir: Path | None, markdown_file: str | None) -> None:
    """Raises PPAIError, before anything is computed, where an output names no file or no directory."""
    for option, target in (("--json", json_file), ("--markdown", markdown_file)):
        if target == "":
            raise PPAIError(f"{option}: names no file")
        if target is not None and Path(target).is_dir():
            raise PPAIError(f"{option}: {target} cannot be written: it is a directory, not a file")
    if html_dir is not None and html_dir.is_file():
        raise PPAIError(f"--html: {html_dir} cannot be written: it is a file, not a directory")


def _refuse_another_readme(file: Path) -> None:
    """Raises PPAIError where a README stands that is not a static Space's: a project's would be lost."""
    from ppai.static_report.space import SDK

    if file.is_file() and SDK not in file.read_text(encoding="utf-8", errors="replace"):
        raise PPAIError(f"{file}: is not the README of a report; choose another directory")


def _write(target: str, text: str) -> None:
    from ppai.studyfiles.whole_files import write_whole

    if target == STANDARD_OUTPUT:
        sys.stdout.write(text)
    else:
        write_whole(Path(target).parent, {Path(target).name: text})
