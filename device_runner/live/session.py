"""A session of ``live``: sources are opened, listened to at once, and told of."""

from __future__ import annotations

import functools
import itertools
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asc_kit.bundle import Bundle, VariantName
from asc_kit.cli.output import say, say_json
from asc_kit.errors import AscKitError
from asc_kit.process.console import console
from asc_kit.process.native_output import without_c_messages

from ..classifier import SceneClassifier
from ..listening.events import Event, Heard, Unheard
from ..listening.following import FollowerSettings, SceneFollower, follow
from ..listening.inputs import Choice, OpenInput, open_input
from ..listening.lines import (
    Layout,
    answer_text,
    event_document,
    happening_text,
    tally_document,
    tally_text,
    window_text,
)
from ..listening.listener import Listener, listen
from ..listening.merging import merge, until
from ..listening.sound_source import SourceWatch
from ..media.pcm import PcmFormat
from ..outlets.report import Origin, Outlet, Reporter, closing_all
from .machine import MachineWatch
from .service import Supervisor, in_journal

if TYPE_CHECKING:
    from ..outlets.mqtt import Broker
    from ..outlets.web import Address

_TOP = 3
# no line of the journal is broken
_JOURNAL_COLUMNS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How to listen."""

    bundle: Bundle
    """The network."""
    variant: VariantName | None
    """Another form of it than int8."""
    hop_s: float | None
    """Seconds from line to line; None for the bundle's."""
    duration_s: float | None
    """Seconds to listen; None for as long as sound comes."""
    likely: float | None
    """Least probability of a label, if windows may have several; None for one class."""
    following: FollowerSettings | None
    """How scenes are followed; None for windows by themselves."""
    as_json: bool
    """JSON lines instead of lines for people."""
    only_changes: bool
    """Print a window only when its scene, or its labels, are others than before."""
    demo: str | None
    """What the demo's network says of itself; None for another network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to send to, beside the terminal."""

    log: Path | None
    address: Address | None
    broker: Broker | None
    mqtt_name: str | None
    recordings: Path | None
    """Folder for the sound at each change of scene."""
    most_bytes: int
    """Size of all these recordings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ear:
    """One source at work."""

    opened: OpenInput
    listener: Listener
    reporter: Reporter
    prefix: str
    """What its lines for people begin with."""
    latencies_ms: list[float]
    """Of its windows: their sum, and the longest."""


def run_session(session: Session, choices: tuple[Choice, ...], pcm: PcmFormat | None, places: Places) -> None:
    """Open everything, listen, and print, until all sources end.

    The sources come first: a microphone that is not there is told before a network is loaded.

    Raises
    ------
    AscKitError
        If a source, the network or an outlet cannot be opened, or a source fails for good.
    """
    rate_hz = session.bundle.manifest.frontend.sample_rate_hz
    supervisor = Supervisor(os.environ, len(choices))
    with ExitStack() as stack:
        stack.enter_context(without_c_messages())
        inputs = []
        for choice in choices:
            if choice.kind in ("pipe", "fifo"):
                say(f"waiting for sound from {choice.name}", err=True)
            inputs.append(stack.enter_context(open_input(choice, rate_hz, pcm)))
        log: list[Outlet] = []
        if places.log is not None:
            from ..outlets.log import RotatingLog

            log.append(RotatingLog(places.log))
        if places.recordings is not None:
            from ..outlets.recordings import ChangeRecordings

            log.append(ChangeRecordings(places.recordings, rate_hz, most_bytes=places.most_bytes))
        stack.enter_context(closing_all(tuple(log)))
        numbers = itertools.count(1)
        width = max(len(each.name) for each in inputs) if len(inputs) > 1 else 0
        ears = [_make_ear(session, each, places, log, numbers, width, stack) for each in inputs]
        supervisor.ready()
        stack.callback(supervisor.stopping)
        _print_events(session, ears, supervisor)


def _make_ear(
    session: Session,
    opened: OpenInput,
    places: Places,
    log: list[Outlet],
    numbers: Iterator[int],
    width: int,
    stack: ExitStack,
) -> _Ear:
    """Load a network for a source: its interpreter serves one thread alone."""
    manifest = session.bundle.manifest
    classifier = SceneClassifier(session.bundle, variant=session.variant)
    is_raw = session.following is None and session.likely is None
    listener = Listener(
        classifier,
        opened.input.rate_hz,
        hop_s=session.hop_s or classifier.hop_samples / manifest.frontend.sample_rate_hz,
        duration_s=session.duration_s,
        top=_TOP if is_raw else len(manifest.labels),
    )
    origin = Origin(
        name=manifest.name, model_sha256=classifier.model_sha256, source=opened.name, labels=classifier.labels
    )
    own: list[Outlet] = []
    if places.address is not None:
        own.append(_open_page(places.address, origin, manifest.frontend.sample_rate_hz))
        stack.enter_context(closing_all(tuple(own[-1:])))
    if places.broker is not None:
        from ..outlets.mqtt import MqttOutlet, default_node

        node = places.mqtt_name or default_node()
        if width:
            node += "_" + re.sub(r"[^A-Za-z0-9_-]", "_", opened.name)
        own.append(MqttOutlet(places.broker, node, origin))
        stack.enter_context(closing_all(tuple(own[-1:])))
    notes: dict[str, object] = {} if session.demo is None else {"demo": session.demo}
    reporter = Reporter(origin, listener.tally, (*log, *own), numbers=numbers, notes=notes)
    _introduce(
        f"{manifest.name}, {session.variant or 'int8'}, on {classifier.runtime}",
        opened,
        manifest.frontend.sample_rate_hz,
    )
    prefix = "" if session.demo is None else "[demo] "
    return _Ear(
        opened=opened,
        listener=listener,
        reporter=reporter,
        latencies_ms=[0.0, 0.0],
        prefix=prefix + (f"{opened.name:<{width}}  " if width else ""),
    )


def _open_page(address: Address, origin: Origin, rate_hz: int) -> Outlet:
    from ..outlets.web import WebOutlet

    page = WebOutlet(address, origin, rate_hz)
    say(f"page: {page.url}", err=True)
    if not page.address.is_private:
        say("Caution: everyone who reaches this machine can look at the page", err=True)
    return page


def _introduce(name: str, opened: OpenInput, wanted_hz: int) -> None:
    """Print the network and the source."""
    console.print(f"{name}, {opened.words}; Ctrl-C ends", markup=False)
    rate_hz = opened.input.rate_hz
    if rate_hz < wanted_hz:
        console.print(
            f"Caution: {opened.name} has nothing above {rate_hz // 2} Hz, and the network was trained "
            f"on sound up to {wanted_hz // 2} Hz. Microphones: asc-kit live --list-devices",
            markup=False,
        )


def _print_events(session: Session, ears: list[_Ear], supervisor: Supervisor) -> None:
    """Print each event, and the summaries at the end, however it ends."""
    columns = _JOURNAL_COLUMNS if in_journal(os.environ) else shutil.get_terminal_size().columns
    layout = Layout(
        label_width=max(map(len, session.bundle.manifest.labels)),
        columns=columns - len(ears[0].prefix),
        threshold=session.likely,
    )

    def finish() -> None:
        for ear in ears:
            seconds = ear.listener.time_s
            work = _work_document(ear, seconds, machine)
            report = ear.reporter.tell(None, tally_document(ear.listener.tally, seconds) | work)
            if session.as_json:
                say_json(report.document, indent=None)
            for line in tally_text(ear.listener.tally, seconds, layout.columns).splitlines():
                say(ear.prefix + line, err=True)
            if ear.listener.tally.windows:
                say(f"{ear.prefix}  {_work_text(work)}", err=True)

    machine = MachineWatch()
    stop = threading.Event()
    before: dict[int, str] = {}
    begins = [_begin(session, ear, stop, functools.partial(supervisor.alive, n)) for n, ear in enumerate(ears)]
    try:
        for number, event in merge(begins, stop):
            ear = ears[number]
            if isinstance(event, Heard):
                ear.latencies_ms[:] = (
                    ear.latencies_ms[0] + event.latency_ms,
                    max(ear.latencies_ms[1], event.latency_ms),
                )
            if (words := machine.look()) is not None:
                say(f"! {words}", err=True)
            report = ear.reporter.tell(event, event_document(event, ear.listener.tally.overflows, layout.threshold))
            if isinstance(event, Heard | Unheard):
                answer = answer_text(event, layout.threshold)
                if answer != before.get(number):
                    before[number] = answer
                    supervisor.status("; ".join(f"{ears[n].opened.name}: {words}" for n, words in before.items()))
                elif session.only_changes:
                    continue
            if session.as_json:
                say_json(report.document, indent=None)
            elif isinstance(event, Heard | Unheard):
                say(ear.prefix + window_text(event, layout))
            if not isinstance(event, Heard | Unheard):
                for line in happening_text(event, layout.columns).splitlines():
                    say(ear.prefix + line, err=True)
    except (KeyboardInterrupt, AscKitError):
        finish()
        raise
    finish()


def _work_document(ear: _Ear, seconds: float, machine: MachineWatch) -> dict[str, float | None]:
    """Return how long features and network took, against the time of the sound, and how hot the machine became."""
    total_ms, longest_ms = ear.latencies_ms
    windows = ear.listener.tally.windows
    return {
        "mean_latency_ms": round(total_ms / windows, 3) if windows else None,
        "max_latency_ms": round(longest_ms, 3) if windows else None,
        "real_time_factor": round(total_ms / 1000 / seconds, 5) if seconds else None,
        "max_temperature_c": machine.hottest_c,
    }


def _work_text(work: dict[str, float | None]) -> str:
    heat = "" if work["max_temperature_c"] is None else f"; up to {work['max_temperature_c']:.0f} °C"
    return (
        f"{work['mean_latency_ms']:.1f} ms per window, {work['max_latency_ms']:.1f} at most: "
        f"{100 * (work['real_time_factor'] or 0):.1f} % of the time{heat}"
    )


def _begin(
    session: Session, ear: _Ear, stop: threading.Event, alive: Callable[[], None]
) -> Callable[[], Iterable[Event]]:
    """Return what begins to listen to a source."""

    def begin() -> Iterator[Event]:
        with SourceWatch(ear.opened.source) as watch:
            events = listen(ear.listener, until(stop, ear.opened.input.batches(), alive), watch.state)
            yield from events if session.following is None else follow(events, SceneFollower(session.following))

    return begin
