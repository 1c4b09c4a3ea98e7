"""Write a synthetic data set: recordings in parallel, then the tables; the folder appears when it is complete."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from asc_kit.dataset import META_COLUMNS
from asc_kit.outputs import OutputKind, new_folder
from asc_kit.recordings.audio import to_int16
from asc_kit.records.record import write_bytes, write_json

from .layout import SCENES, TEST_RECORDING_DEVICES, Moment, SynthSpec, plan_clips, training_splits
from .recording_devices import RECORDING_DEVICES, record
from .scenes import sound_of

MARKER = "synth.json"
"""Summary of a synthesized data set."""
DATA_SET = OutputKind(
    name="data set", command="asc-kit data synth", manifest=MARKER, names=(MARKER, "meta.csv", "test.csv")
)

_MOMENTS_PER_TASK = 8


def synthesize(
    out: Path, spec: SynthSpec, *, jobs: int = 1, on_progress: Callable[[int], None] = lambda clips: None
) -> None:
    """Write a data set into the new folder `out`.

    The bytes depend on `spec` alone, not on `jobs`.

    Parameters
    ----------
    jobs
        Number of processes.
    on_progress
        Called with the number of clips written since the last call.

    Raises
    ------
    AscKitError
        If `out` holds anything but an earlier data set.
    """
    moments = plan_clips(spec)
    with new_folder(out, DATA_SET) as folder:
        (folder / "audio").mkdir()
        tasks = [moments[at : at + _MOMENTS_PER_TASK] for at in range(0, len(moments), _MOMENTS_PER_TASK)]
        if jobs == 1:
            for task in tasks:
                on_progress(_write_clips(folder, spec, task))
        else:
            _write_in_parallel(folder, spec, tasks, jobs, on_progress)
        _write_tables(folder, moments, spec.seed)
        write_json(folder / MARKER, spec)


def _write_in_parallel(
    folder: Path, spec: SynthSpec, tasks: Sequence[Sequence[Moment]], jobs: int, on_progress: Callable[[int], None]
) -> None:
    # spawned, not forked: the caller may have threads (TensorFlow's, a progress bar's)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context, initializer=_start_worker) as pool:
        # Ctrl-C and a closed terminal reach the whole process group, and this process alone decides their effect: it
        # starts the workers with these signals blocked, from their first instruction on
        try:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
            try:
                futures = [pool.submit(_write_clips, folder, spec, task) for task in tasks]
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # one that came meanwhile is raised here
            for future in as_completed(futures):
                on_progress(future.result())
        except BaseException:
            # their output is thrown away, and importing may take them many seconds
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _start_worker() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # a killed parent cannot end its workers, which would wait for it for ever
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _write_clips(folder: Path, spec: SynthSpec, moments: Iterable[Moment]) -> int:
    import soundfile

    written = 0
    for moment in moments:
        sound = sound_of(moment, spec)
        for name in moment.recording_devices:
            key = [spec.seed, 7, SCENES.index(moment.scene), moment.segment, moment.index]
            rng = np.random.default_rng([*key, TEST_RECORDING_DEVICES.index(name)])
            audio = record(rng, sound, spec.sample_rate_hz, RECORDING_DEVICES[name])
            samples = to_int16(np.asarray(audio, np.float32))
            # by way of memory: on a full disk soundfile says "System error.", while Python names the cause
            wav = io.BytesIO()
            soundfile.write(wav, samples, spec.sample_rate_hz, format="WAV", subtype="PCM_16")
            write_bytes(folder / moment.filename(name), wav.getvalue())
            written += 1
    return written


def _write_tables(folder: Path, moments: Sequence[Moment], seed: int) -> None:
    rows = [(m.filename(name), m.scene, m.identifier, name) for m in moments for name in m.recording_devices]
    _write_table(folder / "meta.csv", META_COLUMNS, sorted(rows))
    for percentage, chosen in training_splits(tuple(moments), seed).items():
        _write_split(folder / f"split{percentage}.csv", chosen)
    _write_split(folder / "test.csv", [m for m in moments if m.test])


def _write_split(path: Path, moments: Iterable[Moment]) -> None:
    rows = sorted((m.filename(name), m.scene) for m in moments for name in m.recording_devices)
    _write_table(path, META_COLUMNS[:2], rows)


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = ["\t".join(header), *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def default_jobs() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
