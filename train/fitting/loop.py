"""The training loop: windows in, a fitted Keras model out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import AscKitError
from asc_kit.process.console import console, progress_bar
from asc_kit.records.files import temporary_folder, write_bytes
from asc_kit.run import CHECKPOINTS

from ..augmentation import Augmenter
from ..inputs.batches import Examples, Shard, epoch_batches, steps_per_epoch
from ..recipe import Recipe
from .checkpoint import Checkpoint, Epoch, Progress
from .distribution import Distribution
from .interruption import postponed_interrupts
from .run_log import RunLog
from .schedule import optimizer_of, schedule_of
from .step import training_step
from .working_folder import Diverged

# seconds between lines of a log, if there is no terminal for a progress bar
_LOG_INTERVAL_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """A training, ready to begin or to continue."""

    model: Any
    """Keras model, made in the distribution's scope; trained in place."""
    recipe: Recipe
    """Features, training and augmentation."""
    labels: tuple[str, ...]
    """Classes, in the order of the targets."""
    examples: Examples
    """The training set."""
    augmenter: Augmenter
    """Random variation of the windows."""
    seed: int
    """Order of windows and augmentation; the same seed gives the same weights on the same machine."""
    distribution: Distribution
    """Processes and processors."""
    folder: Path | None
    """Folder of logs and kept checkpoints; None for none."""
    checkpoint: Checkpoint | None
    """Checkpoint, written at intervals and at an interruption; None for none."""

    def fit(self, resume_from: Checkpoint | None = None) -> tuple[Epoch, ...]:
        """Train, and return the history.

        Parameters
        ----------
        resume_from
            Checkpoint to continue from; None to begin.

        Raises
        ------
        Diverged
            If the loss is no longer a number.
        SpecError
            If the checkpoint belongs to another training, or a batch cannot be divided.
        KeyboardInterrupt
            After Ctrl-C, when the checkpoint is written.
        """
        training = self.recipe.training
        batch_size = min(training.batch_size, len(self.examples))
        self.distribution.check_batch(batch_size)
        steps = steps_per_epoch(self.examples, batch_size)
        schedule = schedule_of(training, steps)
        with self.distribution.scope():
            optimizer = optimizer_of(training, schedule)
            optimizer.build(self.model.trainable_variables)
        variables = [*self.model.variables, *optimizer.variables]
        progress = resume_from.restore(variables) if resume_from is not None else Progress()
        self.distribution.synchronize(self.model)
        step = self.distribution.run(
            training_step(
                self.model,
                optimizer,
                self.recipe,
                self.augmenter,
                self.labels,
                is_audio=self.examples.is_audio,
                batch_size=batch_size,
                seed=self.seed,
            )
        )
        any_worker = self.distribution.any_worker()
        with (
            closing(RunLog(self.folder)) if self.folder is not None else nullcontext() as log,
            postponed_interrupts() as interrupted,
            progress_bar("training", training.epochs * steps) as (bar, task),
        ):
            bar.advance(task, len(progress.history) * steps + progress.step)
            last_line = time.monotonic()
            while len(progress.history) < training.epochs:
                number = len(progress.history) + 1
                start = time.monotonic() - progress.seconds
                shard = Shard(index=self.distribution.worker, count=self.distribution.workers)
                batches = epoch_batches(self.examples, batch_size, self.seed, number, skip=progress.step, shard=shard)
                for batch in batches:
                    loss, hits = (float(value) for value in step(*batch))
                    if not math.isfinite(loss):
                        raise _diverged(self.model, progress, loss, training.learning_rate)
                    progress = replace(
                        progress,
                        step=progress.step + 1,
                        loss_sum=progress.loss_sum + loss,
                        hits=progress.hits + hits,
                        seconds=round(time.monotonic() - start, 3),
                    )
                    bar.update(task, advance=1, note=_note(progress, batch_size))
                    # all workers stop after the same step: a worker that continued would wait for the others in vain
                    stops = any_worker(interrupted())
                    if self.checkpoint is not None and (stops or self.checkpoint.is_due):
                        self.checkpoint.save(variables, progress)
                    if stops:
                        raise KeyboardInterrupt
                if bar.disable and time.monotonic() - last_line > _LOG_INTERVAL_S:
                    last_line = time.monotonic()
                    note = _note(progress, batch_size)
                    console.print(f"training: {note}, of {training.epochs} epochs", soft_wrap=True)
                progress = _next_epoch(progress, steps * batch_size, float(schedule(optimizer.iterations - 1)))
                if log is not None:
                    log.write(progress.history)
                self._keep(number)
            if any_worker(interrupted()):  # since the last step
                if self.checkpoint is not None:
                    self.checkpoint.save(variables, progress)
                raise KeyboardInterrupt
        return progress.history

    def _keep(self, epoch: int) -> None:
        """Keep the weights of this epoch, if the recipe wants them."""
        every = self.recipe.training.checkpoint_epochs
        if self.folder is None or not every or epoch % every:
            return
        folder = self.folder / CHECKPOINTS
        name = f"epoch_{epoch:04d}.weights.h5"
        try:
            folder.mkdir(exist_ok=True)
            # HDF5 writes at a path that no other process has locked
            with temporary_folder("weights") as place:
                self.model.save_weights(place / name)
                write_bytes(folder / name, (place / name).read_bytes())
        except (OSError, RuntimeError) as failure:  # h5py has either for a full disk
            raise AscKitError(
                f"the weights of epoch {epoch} cannot be written to {folder}: {failure}",
                hint="make room",
            ) from failure


def _next_epoch(progress: Progress, windows: int, learning_rate: float) -> Progress:
    epoch = Epoch(
        epoch=len(progress.history) + 1,
        learning_rate=learning_rate,
        loss=progress.loss_sum / progress.step,
        accuracy=progress.hits / windows,
        seconds=progress.seconds,
    )
    return Progress(history=(*progress.history, epoch))


def _note(progress: Progress, batch_size: int) -> str:
    accuracy = progress.hits / (progress.step * batch_size)
    return f"epoch {len(progress.history) + 1}  loss {progress.loss_sum / progress.step:.3f}  accuracy {accuracy:.1%}"


def _diverged(model: Any, progress: Progress, loss: float, learning_rate: float) -> Diverged:
    """Describe which values stopped being numbers."""
    broken = [weight.path for weight in model.weights if not _is_finite(weight)]
    if broken:
        cause = f"weights are no longer finite, first those of {broken[0]} ({len(broken)} of {len(model.weights)})"
    else:
        cause = "the weights are still finite, their outputs are not"
    before = f"{progress.loss_sum / progress.step:.3f} on average" if progress.step else _last_loss(progress.history)
    return Diverged(
        f"training diverged: the loss is {loss} in epoch {len(progress.history) + 1}, step {progress.step + 1}, "
        f"after {before}; {cause}",
        hint=f"lower the learning rate: --set learning_rate={learning_rate / 3:.2g}",
    )


def _last_loss(history: Sequence[Epoch]) -> str:
    return f"{history[-1].loss:.3f} in the epoch before" if history else "nothing: it was the first"


def _is_finite(weight: Any) -> bool:
    values: NDArray[Any] = np.asarray(weight)
    return values.dtype.kind != "f" or bool(np.all(np.isfinite(values)))
