"""Begin a training with all weights of an earlier run, or the weights whose names match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from asc_kit.errors import SpecError
from asc_kit.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStart:
    """Selection of the weights to begin with."""

    run: Path
    """The earlier run's folder."""
    include: tuple[str, ...] = ("*",)
    """Patterns of names (``b1_*``, ``*/kernel``); a weight is called by its layer and its own name."""
    trust_code: bool = False
    """Whether to run the model's own file in that run, if it has one."""
    exclude: tuple[str, ...] = ()
    """Patterns of names, among these, of weights that stay as they are."""

    def wants(self, name: str) -> bool:
        """Return whether to take a weight: inclusions first, then exclusions."""
        return _matches(name, self.include) and not _matches(name, self.exclude)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    # the name of a layer stands for all of its weights
    return any(fnmatchcase(name, pattern) or fnmatchcase(name.partition("/")[0], pattern) for pattern in patterns)


def warm_start(model: Any, wish: WarmStart) -> int:
    """Set weights of `model` from an earlier run; return their number.

    Raises
    ------
    SpecError
        If no weight matches, or if a matching weight is missing there or has another shape.
    ModelError
        If the network of the run cannot be loaded.
    """
    from .network import load_run_network

    opened = Run.open(wish.run)
    source = load_run_network(opened, trust_code=wish.trust_code)
    given = {weight.path: weight for weight in source.weights}
    wanted = [weight for weight in model.weights if wish.wants(weight.path)]
    if not wanted:
        names = sorted({weight.path.partition("/")[0] for weight in model.weights})
        raise SpecError(
            f"no weight matches --include {' '.join(wish.include)} --exclude {' '.join(wish.exclude) or 'nothing'}",
            hint=f"layers: {', '.join(names)}",
        )
    problems = []
    for weight in wanted:
        other = given.get(weight.path)
        if other is None:
            problems.append(f"{weight.path} is not in it")
        elif tuple(other.shape) != tuple(weight.shape):
            problems.append(f"{weight.path} has shape {tuple(other.shape)} there, {tuple(weight.shape)} here")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        layers_out = list(dict.fromkeys(problem.partition("/")[0] for problem in problems))
        raise SpecError(
            f"run {wish.run} ({opened.manifest.name}) does not fit this network: {'; '.join(problems[:3])}{more}",
            hint="start from a run of the same architecture, or leave layers out: "
            + " ".join(f"--exclude {name}" for name in layers_out[:3]),
        )
    for weight in wanted:
        weight.assign(np.asarray(given[weight.path]))
    return len(wanted)
