"""`ppai score`: automatic metrics of a study's responses, and a description of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppai.errors import PPAIError
from ppai.schema import Arm, Scores, Study
from ppai.verbs.options import Database, StudyName, example

if TYPE_CHECKING:
    from eval.metrics.resampling import Resampling
    from ppai.workplace import Workplace

EPILOG = example("ppai score data_to_share", "ppai score my_study --references answers.csv --encoder minilm")
ENCODER, NO_ENCODER = "roberta-large", "none"


def score(
    source: Annotated[str, typer.Argument(metavar="STUDY", help="a study directory or a store URL")],
    references: Annotated[
        Path | None, typer.Option(help="human answers, JSON Lines or CSV: a column prompt_id or id, and one of texts")
    ] = None,
    reference_column: Annotated[
        str | None,
        typer.Option(help="its column of answers; default reference, human_answer, best_comment, answer ..."),
    ] = None,
    by_topic: Annotated[
        bool, typer.Option("--by-topic", help="compare with the answers to other posts of each prompt's topic")
    ] = False,
    encoder: Annotated[
        str | None,
        typer.Option(help=f"of BERTScore: a model's name (default {ENCODER}), a folder, minilm (no network), or none"),
    ] = None,
    encoder_layers: Annotated[int | None, typer.Option(min=1, help="its layer, where bert-score knows none")] = None,
    arm: Annotated[str, typer.Option(help="as_is, or plain: responses with their format flattened")] = "as_is",
    resamples: Annotated[int, typer.Option(min=100, max=100_000, help="of the prompts")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="of the resamples")] = 0,
    json_file: Annotated[
        str | None, typer.Option("--json", help="also write the scorings; - for standard output")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="name the study's scorings, and score nothing")] = False,
    forget: Annotated[str | None, typer.Option(help="delete the scoring of this name, and score nothing")] = None,
    study: StudyName = None,
    database: Database = None,
) -> None:
    """Score the responses against human answers, and describe them: length, lists, reading grade, repetition."""
    from eval.metrics.resampling import Resampling
    from eval.metrics.scoring import description
    from eval.metrics.tables import description_table, reference_tables
    from ppai.workplace import open_workplace

    if arm not in (Arm.AS_IS.value, Arm.PLAIN.value):
        raise PPAIError(f"--arm: {arm!r} is neither as_is nor plain")
    if listed and forget is not None:
        raise PPAIError("--list and --forget: one at a time")
    of_references = {"reference-column": reference_column, "encoder": encoder, "encoder-layers": encoder_layers}
    for option, value in of_references.items():
        if references is None and value is not None:
            raise PPAIError(f"--{option}: there are no --references")
    if by_topic and references is None:
        raise PPAIError("--by-topic: there are no --references")
    if (listed or forget is not None) and references is not None:
        raise PPAIError(f"--{'list' if listed else 'forget'}: scores nothing, and takes no --references")
    workplace = open_workplace(source, study, database=database)
    if listed:
        typer.echo("\n".join(_listed(workplace)))
        return
    if forget is not None:
        typer.echo(_forgotten(workplace, forget))
        return
    chosen = workplace.study
    shown, how = Arm(arm), Resampling(resamples=resamples, seed=seed)
    scorings: list[Scores] = []
    if references is not None:
        answers = _answers(chosen, references, reference_column, by_topic)
        label = f"{references.name} by topic" if by_topic else references.name
        scorings.append(_against(chosen, answers, label, encoder or ENCODER, encoder_layers, shown, how))
    scorings.append(description(chosen, arm=shown, how=how))
    # Whatever could be wrong has been found: only now is anything written.
    kept = _kept(workplace, scorings)
    names = {system.id: system.label for system in chosen.config.systems}
    for scores in scorings:
        lines = description_table(scores, names) if scores.references is None else reference_tables(scores, names)
        typer.echo("\n".join(lines), err=json_file == "-")
    typer.echo(kept, err=json_file == "-")
    if json_file is not None:
        _write_json(json_file, scorings)


def _answers(study: Study, file: Path, column: str | None, by_topic: bool) -> dict[str, tuple[str, ...]]:
    """The answers of a file by prompt, having said how many there are."""
    from eval.metrics.references import read_answers

    read = read_answers(file, column)
    answers = read.by_topic(study) if by_topic else read.of_study(study)
    several = sum(len(texts) > 1 for texts in answers.values())
    have = "has" if several == 1 else "have"
    best = "ROUGE and BERTScore count the best, BLEU the n-grams of all"
    more = f"; {several} {have} several: {best}" if several else ""
    without = len(study.prompts) - len(answers)
    left_out = f"; {without} without one {'is' if without == 1 else 'are'} left out" if without else ""
    to = "to posts of the topics of" if by_topic else "to"
    typer.echo(
        f"{read.name}: {read.column}: answers {to} {len(answers)} of {len(study.prompts)} prompts{left_out}{more}",
        err=True,
    )
    return answers


def _against(
    study: Study,
    answers: dict[str, tuple[str, ...]],
    file: str,
    encoder: str,
    layers: int | None,
    arm: Arm,
    how: Resampling,
) -> Scores:
    from eval.metrics.bertscore import load_encoder
    from eval.metrics.scoring import against_references

    loaded = None if encoder == NO_ENCODER else load_encoder(encoder, layers)
    return against_references(
        study, answers, file, encoder=loaded, arm=arm, how=how, note=lambda text: typer.echo(text, err=True)
    )


def _listed(workplace: Workplace) -> list[str]:
    """A line a scoring."""
    from ppai.scored import is_stale

    try:
        scorings = workplace.scorings()
    finally:
        workplace.close()
    stale = "  (stale: the responses have changed since)"
    return [f"{one.name}{stale if is_stale(one, workplace.study) else ''}" for one in scorings] or ["no scorings"]


def _forgotten(workplace: Workplace, name: str) -> str:
    """Deletes a scoring, and says so; raises PPAIError where there is none of the name."""
    try:
        known = [scores.name for scores in workplace.scorings()]
        if name not in known:
            there = ", ".join(map(repr, known)) or "none"
            raise PPAIError(f"--forget: there is no scoring {name!r}; there are: {there}")
        workplace.store.forget_scores(workplace.name, name)
        file = workplace.write_scores()
    finally:
        workplace.close()
    return f"forgot {name!r}" + (f"; {'wrote' if file.exists() else 'removed'} {file}" if file else "")


def _kept(workplace: Workplace, scorings: list[Scores]) -> str:
    """Stores the scorings, and says where."""
    try:
        for scores in scorings:
            workplace.store.set_scores(workplace.name, scores)
        file = workplace.write_scores()
    finally:
        workplace.close()
    names = " and ".join(repr(scores.name) for scores in scorings)
    return f"stored as {names}" + (f"; wrote {file}" if file else "")


def _write_json(target: str, scorings: list[Scores]) -> None:
    import json

    from ppai.studyfiles.whole_files import write_whole

    records = [scores.model_dump(mode="json") for scores in scorings]
    text = json.dumps(records, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    if target == "-":
        sys.stdout.write(text)
    else:
        write_whole(Path(target).parent, {Path(target).name: text})
