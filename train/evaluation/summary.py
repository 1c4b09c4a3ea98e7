"""The summary of a model's evaluation, for people, on stderr."""

from __future__ import annotations

from asc_kit.process.console import console
from asc_kit.scores.evaluation import Evaluation, TaggingEvaluation
from asc_kit.scores.tables import evaluation_table


def show_evaluation(evaluation: Evaluation | TaggingEvaluation, title: str) -> None:
    """Show the figures of a model overall, by class and by recording device."""
    console.print(f"{title}; split {evaluation.split}", soft_wrap=True, markup=False)
    console.print(evaluation_table(evaluation))
