"""`ppai plan`: how many prompts, votes and rater hours a comparison needs, with a judge and without."""

from __future__ import annotations

from typing import Annotated

import typer

from ppai.errors import PPAIError
from ppai.verbs.options import example

EPILOG = example(
    "ppai plan --margin .1 --power .8 --overlap 3",
    "ppai plan --margin .05 --overlap 1 --judge-agreement .8 --prompts 2000",
)


def plan(
    margin: Annotated[float, typer.Option(help="smallest difference from a win rate of .5 that matters")] = 0.1,
    power: Annotated[float, typer.Option(help="chance that the study shows it")] = 0.8,
    overlap: Annotated[int, typer.Option(help="votes a prompt")] = 3,
    judge_agreement: Annotated[
        float | None,
        typer.Option(help="share of a judge's verdicts that say what most people say: majority_accuracy of the report"),
    ] = None,
    prompts: Annotated[
        int | None, typer.Option(help="that the judge is given; default 2 and 10 times what people alone need")
    ] = None,
    win_rate: Annotated[float | None, typer.Option(help="true win rate to find; default .5 and the margin")] = None,
    tie_share: Annotated[float, typer.Option(help="share of ties among votes")] = 0.1,
    icc: Annotated[float, typer.Option(help="correlation of two votes on the same prompt")] = 0.4,
    seconds: Annotated[float, typer.Option(help="that a vote takes")] = 60.0,
    confidence: Annotated[float, typer.Option(help="of the intervals")] = 0.95,
    seed: Annotated[int, typer.Option(help="of the simulated studies")] = 0,
) -> None:
    """Say how many prompts, votes and rater hours are needed to find a difference, or to show that there is none."""
    from eval.planning.assumptions import Assumptions
    from eval.planning.needs import plan as planned
    from eval.planning.table import table

    if seed < 0:
        raise PPAIError(f"--seed: {seed} is below 0")
    try:
        assumed = Assumptions(
            margin=margin,
            power=power,
            overlap=overlap,
            judge_agreement=judge_agreement,
            prompts=prompts,
            win_rate=win_rate,
            tie_share=tie_share,
            icc=icc,
            seconds=seconds,
            confidence=confidence,
        )
        goals = planned(assumed, seed=seed)
    except ValueError as error:
        raise PPAIError(f"--{error}") from None
    for line in table(goals, assumed):
        typer.echo(line)
