"""The `ppai` command; every verb imports what it needs when it runs.

ppai --help
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ppai.errors import PPAIError, StudyError
from ppai.export import Format
from ppai.verbs.chat import EPILOG as CHAT_EPILOG
from ppai.verbs.chat import chat
from ppai.verbs.curate import EPILOG as CURATE_EPILOG
from ppai.verbs.curate import curate
from ppai.verbs.generate import EPILOG as GENERATE_EPILOG
from ppai.verbs.generate import generate
from ppai.verbs.judge import EPILOG as JUDGE_EPILOG
from ppai.verbs.judge import judge
from ppai.verbs.merge import EPILOG as MERGE_EPILOG
from ppai.verbs.merge import merge
from ppai.verbs.options import Database, StudyName, example
from ppai.verbs.plan import EPILOG as PLAN_EPILOG
from ppai.verbs.plan import plan
from ppai.verbs.prompts import EPILOG as PROMPTS_EPILOG
from ppai.verbs.prompts import prompts
from ppai.verbs.report import EPILOG as REPORT_EPILOG
from ppai.verbs.report import ReportCommand, report
from ppai.verbs.score import EPILOG as SCORE_EPILOG
from ppai.verbs.score import score
from ppai.verbs.sft import EPILOG as SFT_EPILOG
from ppai.verbs.sft import sft
from ppai.verbs.synth import EPILOG as SYNTH_EPILOG
from ppai.verbs.synth import synth

WRONG_INPUT = 2
"""Exit code where an input or a setting is wrong; nothing was changed."""

app = typer.Typer(
    name="ppai",
    help="Blinded human votes, automated judges and honest statistics for comparing language models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
study_app = typer.Typer(help="Make, check, load, export and mend studies.", no_args_is_help=True)
app.add_typer(study_app, name="study")
app.command(epilog=CURATE_EPILOG, context_settings={"allow_extra_args": True})(curate)
app.command(epilog=CHAT_EPILOG)(chat)
app.command(epilog=MERGE_EPILOG)(merge)
app.command(epilog=SFT_EPILOG)(sft)
app.command(epilog=GENERATE_EPILOG)(generate)
app.command(epilog=JUDGE_EPILOG)(judge)
app.command(epilog=PLAN_EPILOG)(plan)
app.command(epilog=PROMPTS_EPILOG)(prompts)
app.command(epilog=SYNTH_EPILOG)(synth)
app.command(epilog=REPORT_EPILOG, cls=ReportCommand)(report)
app.command(epilog=SCORE_EPILOG)(score)


@app.command(epilog=example("ppai serve data_to_share --port 7860"))
def serve(
    study_dir: Annotated[
        Path | None, typer.Argument(help="study directory, of either layout; default PPAI_STUDY or data_to_share")
    ] = None,
    port: Annotated[int | None, typer.Option(help="default 7860")] = None,
    host: Annotated[str | None, typer.Option(help="default 127.0.0.1: this machine only")] = None,
    share: Annotated[bool, typer.Option("--share", help="also make a public link, for 72 hours")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="take over a study that changed since it was loaded")] = (
        False
    ),
    database: Database = None,
) -> None:
    """Load a study and serve its rating, results, browse and admin pages."""
    from eval import report as statistics
    from ppai.settings import read_settings
    from ppai.ui.serve import launch, open_context
    from ppai.verbs.live import answerers

    settings = read_settings(
        study=study_dir,
        port=port,
        host=host,
        share=share or None,
        replace=replace or None,
        database_url=database,
    )
    served = launch(open_context(settings, statistics, open_answerers=answerers))
    typer.echo(f"PPAI is ready: {served.url}")
    served.wait()


@study_app.command(epilog=example("ppai study load data_to_share", "ppai study load DIR --replace"))
def load(
    directory: Annotated[Path, typer.Argument(help="study directory, of either layout")],
    replace: Annotated[bool, typer.Option("--replace", help="take over what changed; votes are never deleted")] = False,
    database: Database = None,
) -> None:
    """Load a study into the store, all of it or nothing."""
    from ppai.studyfiles import read_study

    study = read_study(directory)
    loaded = _store(database, create=True).load(study, replace=replace)
    if loaded.created:
        typer.echo(f"loaded {loaded.name!r}: {study.counts()}")
    elif loaded.unchanged:
        typer.echo(f"{loaded.name!r} is loaded already and unchanged")
    else:
        typer.echo(f"replaced in {loaded.name!r}: " + "; ".join(loaded.differences))


@study_app.command(epilog=example("ppai study check data_to_share"))
def check(
    directory: Annotated[Path, typer.Argument(help="study directory, of either layout")],
) -> None:
    """Report every problem of a study's files, and what would give its systems away."""
    from ppai.leaks import leak_table
    from ppai.studyfiles import check_study, read_study

    problems = check_study(directory)
    if problems:
        raise StudyError(problems)
    study = read_study(directory)
    typer.echo(f"{study.name}: {study.counts()}: no problems\n")
    typer.echo(str(leak_table(study)))


@study_app.command(
    epilog=example(
        "ppai study export --out export",
        "ppai study export --out export --layout published",
        "ppai study export --out export --format parquet --preferences",
    )
)
def export(
    out: Annotated[Path, typer.Option(help="directory to write, made where it is missing")],
    layout: Annotated[str, typer.Option(help="general or published")] = "general",
    table: Annotated[Format, typer.Option("--format", help="votes and verdicts also as csv or parquet")] = Format.JSONL,
    preferences: Annotated[
        bool, typer.Option("--preferences", help="also preference rows for TRL: prompt, chosen, rejected")
    ] = False,
    comments: Annotated[bool, typer.Option("--comments", help="keep raters' comments, which may name people")] = False,
    study: StudyName = None,
    database: Database = None,
) -> None:
    """Write a stored study, its votes and its verdicts to files, anonymised."""
    from ppai.export import anonymised
    from ppai.export import export as write
    from ppai.source import pick

    if layout not in ("general", "published"):
        raise PPAIError(f"--layout: {layout!r} is neither general nor published")
    store = _store(database)
    chosen = anonymised(store.events(pick(store, study)), comments=comments)
    for line in write(chosen, out, layout=layout, table=table, preferences=preferences):
        typer.echo(line)
    typer.echo(f"wrote {out}")


@study_app.command("list", epilog=example("ppai study list"))
def list_studies(database: Database = None) -> None:
    """List the studies of the store."""
    studies = _store(database, create=True).studies()
    for info in studies:
        typer.echo(
            f"{info.name}: {info.prompts} prompts, {info.systems} systems, {info.pairs} pairs, "
            f"{info.votes} vote events by {info.raters} raters, {info.verdicts} verdicts"
        )
    if not studies:
        typer.echo("no study is loaded: ppai study load DIR")


@study_app.command(epilog=example("ppai study void --rater r1f3a... --reason 'a test run'"))
def void(
    reason: Annotated[str, typer.Option(help="why, kept with the event")],
    vote: Annotated[str | None, typer.Option(help="id of one vote")] = None,
    rater: Annotated[str | None, typer.Option(help="id of a rater: all of her votes")] = None,
    study: StudyName = None,
    database: Database = None,
) -> None:
    """Take votes out of every count by a void event; nothing is deleted."""
    from ppai.source import pick

    if (vote is None) == (rater is None):
        raise PPAIError("give either --vote or --rater")
    store = _store(database)
    count = store.void(pick(store, study), vote_id=vote, rater=rater, reason=reason)
    if not count:
        raise PPAIError("no such vote" if vote else "no vote of this rater counts")
    typer.echo(f"{count} vote{'s' if count != 1 else ''} voided")


@study_app.command(
    epilog=example(
        "ppai study new --csv answers.csv --out my_study",
        "ppai study new --dataset user/name --prompt-column question --systems base,ft --out my_study",
    )
)
def new(
    out: Annotated[Path, typer.Option(help="directory to write")],
    csv: Annotated[Path | None, typer.Option(help="a CSV or TSV file: a prompt column and one column a system")] = None,
    dataset: Annotated[str | None, typer.Option(help="a Hugging Face dataset, or a local file of one")] = None,
    split: Annotated[str | None, typer.Option(help="split of the dataset")] = None,
    prompt_column: Annotated[str | None, typer.Option(help="default: prompt, text or question, else the first")] = None,
    systems: Annotated[str | None, typer.Option(help="columns of the systems, by commas; default: all others")] = None,
) -> None:
    """Make a study from a spreadsheet or a dataset."""
    from ppai.studyfiles import new_from_csv, new_from_dataset

    columns = [name.strip() for name in systems.split(",")] if systems else None
    if csv is not None and dataset is None:
        made = new_from_csv(csv, out, prompt_column=prompt_column, system_columns=columns)
    elif dataset is not None and csv is None:
        made = new_from_dataset(dataset, out, split=split, prompt_column=prompt_column, system_columns=columns)
    else:
        raise PPAIError("give either --csv or --dataset")
    typer.echo("\n".join(made.lines()))
    typer.echo(f"rate it: ppai serve {out}")


def _store(database: str | None, *, create: bool = False):  # type: ignore[no-untyped-def]
    from ppai.settings import read_settings
    from ppai.store.sql import SqlStore

    return SqlStore(read_settings(database_url=database).database_url, create=create)


def main() -> None:
    """Runs the command; an error that PPAI raises on purpose is one line a problem, and exit code 2."""
    try:
        app()
    except PPAIError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_INPUT)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
