"""Training on several processors: the GPUs of a machine, or several machines that ``TF_CONFIG`` lists."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from asc_kit.errors import AscKitError, SpecError
from asc_kit.process.console import console
from asc_kit.process.native_output import hidden_stderr

from ..tensorflow_start import start_tensorflow

# TensorFlow's own refusal is a traceback
_ADDRESS = re.compile(r"\S+:\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The processes and processors of a training."""

    strategy: Any = None
    """TensorFlow's strategy; None for one processor in one process."""
    worker: int = 0
    """Number of this process; process 0 is the chief, which writes the run."""
    workers: int = 1
    """Number of processes."""

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Number of copies of the network, in all processes."""
        return 1 if self.strategy is None else int(self.strategy.num_replicas_in_sync)

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which network and optimizer are made."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    def check_batch(self, batch_size: int) -> None:
        """Check that a batch can be divided evenly.

        Raises
        ------
        SpecError
            If it cannot.
        """
        if batch_size % self.replicas:
            # downwards, because a batch cannot exceed the training set
            fitting = max(batch_size // self.replicas, 1) * self.replicas
            raise SpecError(
                f"a batch of {batch_size} windows cannot be shared by {self.replicas} replicas",
                hint=f"for example --set batch_size={fitting}",
            )

    def synchronize(self, model: Any) -> None:
        """Let batch normalization see the batch of all replicas, so that their number changes nothing."""
        import keras

        if self.replicas > 1:
            for layer in model.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True

    def run(self, step: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
        """Return `step` as a graph that all replicas run on their part of a batch; its results are sums over them."""
        import tensorflow as tf

        if self.strategy is None:
            graph: Callable[..., tuple[Any, ...]] = tf.function(step, autograph=False)
            return graph
        here = self.replicas // self.workers

        def everywhere(*batch: Any) -> tuple[Any, ...]:
            results = self.strategy.run(step, args=batch)
            return tuple(self.strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None) for value in results)

        spread = tf.function(everywhere, autograph=False)

        def shared(*batch: Any) -> tuple[Any, ...]:
            def part(column: Any) -> Any:
                parts = tf.split(column, here)
                return self.strategy.experimental_distribute_values_from_function(
                    lambda context: parts[context.replica_id_in_sync_group % here]
                )

            with _together():
                results: tuple[Any, ...] = spread(*(batch if here == 1 else map(part, batch)))
            return results

        return shared

    def any_worker(self) -> Callable[[bool], bool]:
        """Return a function that says whether something is true in any process; all must call it at the same point."""
        if self.workers == 1:
            return lambda here: here
        import tensorflow as tf

        @tf.function  # type: ignore[untyped-decorator]
        def count(value: Any) -> Any:
            each = self.strategy.run(tf.identity, args=(value,))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None)

        def any_worker(here: bool) -> bool:
            with _together():
                return bool(count(tf.constant(float(here))) > 0.0)

        return any_worker


@contextmanager
def _together() -> Iterator[None]:
    """Explain the failure of an operation of all processes: a process is gone."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
        # TensorFlow's message is the traceback of a graph
        raise AscKitError(
            "another worker has stopped or cannot be reached",
            hint="read its message; then start all workers again, with --resume if there is a checkpoint",
        ) from None


def start_distribution() -> Distribution:
    """Start TensorFlow, on as many processors as there are.

    The environment variable ``TF_CONFIG`` (TensorFlow's: a JSON list of workers, and the number of this worker) selects
    `MultiWorkerMirroredStrategy`, more than one GPU `MirroredStrategy`; otherwise one processor is used.

    Raises
    ------
    SpecError
        If TensorFlow does not accept ``TF_CONFIG``.
    """
    text = os.environ.get("TF_CONFIG")
    if text:
        worker, workers = _read_config(text)
        if workers > 1:
            console.print(f"worker {worker + 1} of {workers}: waiting for the others")
            with hidden_stderr():
                import tensorflow as tf

                # before the first operation: afterwards TensorFlow cannot start collective operations
                strategy = tf.distribute.MultiWorkerMirroredStrategy()
            start_tensorflow()
            return Distribution(strategy=strategy, worker=worker, workers=workers)
    start_tensorflow()
    import tensorflow as tf

    if len(tf.config.list_physical_devices("GPU")) > 1:
        return Distribution(strategy=tf.distribute.MirroredStrategy())
    return Distribution()


def _read_config(text: str) -> tuple[int, int]:
    hint = 'for example {"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
    try:
        config = json.loads(text)
        workers, kind, index = config["cluster"]["worker"], config["task"]["type"], config["task"]["index"]
    except (ValueError, TypeError, KeyError) as failure:
        raise SpecError(f"TF_CONFIG cannot be read: {failure!r}. Received: {text:.200}", hint=hint) from failure
    if (
        set(config["cluster"]) != {"worker"}
        or kind != "worker"
        or not isinstance(workers, list)
        or not all(isinstance(worker, str) and _ADDRESS.fullmatch(worker) for worker in workers)
        or not (type(index) is int and 0 <= index < len(workers))
    ):
        raise SpecError(
            f"TF_CONFIG must list only workers, each as host:port, this process among them. Received: {text:.200}",
            hint=hint,
        )
    return index, len(workers)
