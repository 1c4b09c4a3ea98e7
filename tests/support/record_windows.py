"""Listen as `asc-kit live` does, and keep what came and what was classified.

    python record_windows.py BUNDLE SECONDS OUT.npz [server]

With `server` the microphone is asked for the bundle's own rate, and the sound server resamples: what must not be.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from asc_kit.bundle import Bundle
from asc_kit.device_runner.classifier import SceneClassifier
from asc_kit.device_runner.listening import microphone as microphones
from asc_kit.device_runner.listening.blocks import Batch
from asc_kit.device_runner.listening.events import Heard
from asc_kit.device_runner.listening.listener import Listener, listen

came: list[np.ndarray] = []


def keep(batches: Iterator[Batch]) -> Iterator[Batch]:
    for batch in batches:
        came.extend(block.samples for block in batch.blocks)
        yield batch


def main(bundle: Path, seconds: float, out: Path, by_server: bool) -> None:
    classifier = SceneClassifier(Bundle.open(bundle))
    wanted = classifier.frontend.sample_rate_hz
    if by_server:
        microphones._USUAL_RATES_HZ = (wanted,)
        microphones.find_default_source = microphones.find_source = lambda: None
    with microphones.open_microphone(microphones.find_device("pulse"), wanted) as microphone:
        print("Ctrl-C ends", flush=True)
        listener = Listener(classifier, microphone.rate_hz, hop_s=0.1, duration_s=seconds)
        events = list(listen(listener, keep(microphone.batches())))
        heard = [event for event in events if isinstance(event, Heard)]
        np.savez(
            out, rate_hz=microphone.rate_hz, channels=microphone.channels, came=np.concatenate(came),
            windows=np.array([each.window for each in heard]), time_s=[each.time_s for each in heard],
            labels=[each.ranking[0][0] for each in heard], gaps=listener.tally.gaps,
        )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:] == ["server"])
