"""Splits, by name, that are known once a data set has been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from asc_kit.errors import DataError

from .contract import Clip, Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The reason why an existing split cannot be used."""

    message: str
    """Its fault."""
    hint: str
    """Its cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSplits:
    """Splits by name; a split that cannot be used raises its reason on request, and not before."""

    clips: Mapping[str, tuple[Clip, ...]]
    """The clips of each split, in order."""
    refusals: Mapping[str, Refusal]
    """Existing splits that cannot be used."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names of splits: the names of their tables or folders."""

    def names(self) -> tuple[str, ...]:
        """Return the splits that can be used."""
        return tuple(name for name in self.clips if name not in self.refusals)

    def read(self, dataset: Dataset, names: Sequence[str]) -> Dataset:
        """Return the clips of the first split that exists among `names`."""
        bare = [self._name(asked.removesuffix(".csv")) for asked in names]
        for name in bare:
            if name in self.clips and name not in self.refusals:
                return replace(dataset, clips=self.clips[name], split_name=name)
        refusal = next((self.refusals[name] for name in bare if name in self.refusals), None)
        if refusal is not None:
            raise DataError(refusal.message, hint=refusal.hint)
        raise DataError(
            f"{dataset.root} has no split {' or '.join(bare)}",
            hint=f"splits there: {', '.join(self.names()) or 'none'}",
        )

    def _name(self, asked: str) -> str:
        # the challenges keep their folds in a folder: evaluation_setup/fold1_train
        return next(
            (name for name in (asked, self.aliases.get(asked, ""), asked.rpartition("/")[2]) if name in self.clips),
            asked,
        )
