"""``asc-kit live``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.output import say, say_json
from asc_kit.errors import AscKitError

from .options import LIKELY, Seconds, check_threshold, threshold_option, variant_option

if TYPE_CHECKING:
    from asc_kit.bundle import VariantName

    from ..listening.following import SceneFollower
    from ..listening.lines import Layout
    from ..listening.listener import Listener
    from ..listening.microphone import Microphone
    from ..outlets.mqtt import Broker
    from ..outlets.report import Origin, Outlet, Reporter
    from ..outlets.web import Address

_TOP = 3


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--device", metavar="NAME|INDEX", help="Microphone, by number, name or part of its name.")
@click.option(
    "--hop", type=Seconds(min=0.05), metavar="SECONDS", help="Time from line to line.  [default: the bundle's]"
)
@threshold_option
@variant_option
@click.option(
    "--smooth",
    type=Seconds(min=0),
    metavar="SECONDS",
    help="Time over which windows are averaged; 0 for the newest alone.  [default: 0.35]",
)
@click.option("--dwell", type=Seconds(min=0), metavar="SECONDS", help="Least time a scene stays.  [default: 0.5]")
@click.option(
    "--unsure",
    type=click.FloatRange(0, 1),
    metavar="P",
    help='Print "unsure" while no scene is at least this likely.  [default: 0]',
)
@click.option("--raw", is_flag=True, help="Print each window by itself, without averaging.")
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Append JSON lines to FILE; it rotates at 10 MB, with five older ones.",
)
@click.option("--web", metavar="PORT", help="Serve a page on this machine; ADDRESS:PORT for others too.")
@click.option("--mqtt", metavar="URL", help="Publish to a broker, for Home Assistant too: mqtt://[USER@]HOST[:PORT].")
@click.option("--mqtt-name", metavar="NAME", help="Name of this listener in topics.  [default: asc_kit_HOSTNAME]")
@click.option("--duration", type=Seconds(min=0, min_open=True), metavar="SECONDS", help="Stop after this time.")
@click.option("--list-devices", is_flag=True, help="List the microphones and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def live(
    bundle: Path | None,
    device: str | None,
    hop: float | None,
    threshold: float | None,
    variant: VariantName | None,
    smooth: float | None,
    dwell: float | None,
    unsure: float | None,
    raw: bool,
    log: Path | None,
    web: str | None,
    mqtt: str | None,
    mqtt_name: str | None,
    duration: float | None,
    list_devices: bool,
    as_json: bool,
) -> None:
    """Classify sound from the microphone, one line per hop, until Ctrl-C or --duration.

    Each line names the scene that the last windows show together, so that a single wrong window changes nothing; for
    a quicker or a steadier answer see --smooth, --dwell and --unsure. Bundles with several labels print window by
    window. --log, --web and --mqtt also send the lines to a file, a page and a broker. No audio is kept.

    The microphone runs at its own rate, and its sound is resampled as in training. A bad input (a muted microphone, a
    frozen driver, clipping) is reported instead of classified. The last line counts windows and losses.
    """
    if list_devices:
        _list_devices(as_json)
        return
    if bundle is None:
        raise click.UsageError("Missing argument 'BUNDLE'.")
    from asc_kit.bundle import Bundle

    from ..classifier import SceneClassifier
    from ..listening.following import FollowerSettings, SceneFollower
    from ..listening.lines import Layout
    from ..listening.listener import Listener
    from ..listening.microphone import find_device, open_microphone
    from ..outlets.report import Origin, Reporter, closing_all

    if mqtt_name is not None and mqtt is None:
        raise click.UsageError("--mqtt-name goes with --mqtt")
    address, broker = _read_places(web, mqtt, mqtt_name)
    opened = Bundle.open(bundle)
    is_tagging = check_threshold(opened.manifest, threshold)
    steadiness = {"time_constant_s": smooth, "dwell_s": dwell, "unsure_below": unsure}
    given = {name: value for name, value in steadiness.items() if value is not None}
    if given and (raw or is_tagging):
        reason = "--raw prints windows by themselves" if raw else f"{opened.manifest.name} gives several labels"
        raise click.UsageError(f"{reason}: leave --smooth, --dwell and --unsure out")
    follower = None if raw or is_tagging else SceneFollower(FollowerSettings(**given))
    likely = (LIKELY if threshold is None else threshold) if is_tagging else None
    classifier = SceneClassifier(opened, variant=variant)
    frontend = opened.manifest.frontend
    chosen = find_device(device)
    with open_microphone(chosen, frontend.sample_rate_hz) as microphone:
        listener = Listener(
            classifier,
            microphone.rate_hz,
            hop_s=hop or classifier.hop_samples / frontend.sample_rate_hz,
            duration_s=duration,
            top=_TOP if raw and not is_tagging else len(opened.manifest.labels),
        )
        label_width = max(map(len, opened.manifest.labels))
        columns = shutil.get_terminal_size().columns
        layout = Layout(label_width=label_width, columns=columns, threshold=likely)
        source = microphone.device.name if microphone.source is None else microphone.source.name
        origin = Origin(
            name=opened.manifest.name, model_sha256=classifier.model_sha256, source=source, labels=classifier.labels
        )
        outlets = _open_outlets(log, address, broker, mqtt_name, origin, frontend.sample_rate_hz)
        reporter = Reporter(origin, listener.tally, outlets)
        with closing_all(outlets):
            name = f"{opened.manifest.name}, {variant or 'int8'}, on {classifier.runtime}"
            _introduce(name, microphone, frontend.sample_rate_hz)
            _print_events(listener, microphone, reporter, as_json, layout, follower)


def _introduce(name: str, microphone: Microphone, wanted_hz: int) -> None:
    """Print the network and the microphone."""
    from asc_kit.process.console import console

    channels = "1 channel" if microphone.channels == 1 else f"{microphone.channels} channels"
    source = "" if microphone.source is None else f" ({microphone.source.name})"
    console.print(
        f"{name}, microphone {microphone.device.index} {microphone.device.name!r}{source} "
        f"at {microphone.rate_hz} Hz, {channels}; Ctrl-C ends",
        markup=False,
    )
    if microphone.rate_hz < wanted_hz:
        console.print(
            f"Caution: the microphone hears nothing above {microphone.rate_hz // 2} Hz, and the network was trained "
            f"on sound up to {wanted_hz // 2} Hz. Another microphone: asc-kit live --list-devices",
            markup=False,
        )


def _read_places(web: str | None, mqtt: str | None, mqtt_name: str | None) -> tuple[Address | None, Broker | None]:
    """Read where to send to: a wrong word is told before a microphone is opened."""
    address, broker = None, None
    if web is not None:
        from ..outlets.web import read_address

        address = read_address(web)
    if mqtt is not None:
        from ..outlets.mqtt import check_node, read_broker

        broker = read_broker(mqtt)
        if mqtt_name is not None:
            check_node(mqtt_name)
    return address, broker


def _open_outlets(
    log: Path | None,
    address: Address | None,
    broker: Broker | None,
    mqtt_name: str | None,
    origin: Origin,
    rate_hz: int,
) -> tuple[Outlet, ...]:
    """Open what was asked for; where one fails, those before it are closed."""
    outlets: list[Outlet] = []
    try:
        if log is not None:
            from ..outlets.log import RotatingLog

            outlets.append(RotatingLog(log))
        if address is not None:
            from ..outlets.web import WebOutlet

            page = WebOutlet(address, origin, rate_hz)
            outlets.append(page)
            say(f"page: {page.url}", err=True)
            if not page.address.is_private:
                say("Caution: everyone who reaches this machine can look at the page", err=True)
        if broker is not None:
            from ..outlets.mqtt import MqttOutlet, default_node

            outlets.append(MqttOutlet(broker, mqtt_name or default_node(), origin))
    except BaseException:
        for outlet in outlets:
            outlet.close()
        raise
    return tuple(outlets)


def _print_events(
    listener: Listener,
    microphone: Microphone,
    reporter: Reporter,
    as_json: bool,
    layout: Layout,
    follower: SceneFollower | None,
) -> None:
    """Print each event, and the summary at the end, however it ends."""
    from ..listening.events import Heard, Unheard
    from ..listening.following import follow
    from ..listening.lines import event_document, happening_text, tally_document, tally_text, window_text
    from ..listening.listener import listen
    from ..listening.sound_source import SourceWatch

    def finish() -> None:
        seconds = listener.time_s
        report = reporter.tell(None, tally_document(listener.tally, seconds))
        if as_json:
            say_json(report.document, indent=None)
        for line in tally_text(listener.tally, seconds, layout.columns).splitlines():
            say(line, err=True)

    try:
        with SourceWatch(microphone.source) as watch:
            events = listen(listener, microphone.batches(), watch.state)
            for event in events if follower is None else follow(events, follower):
                report = reporter.tell(event, event_document(event, listener.tally.overflows, layout.threshold))
                if as_json:
                    say_json(report.document, indent=None)
                elif isinstance(event, Heard | Unheard):
                    say(window_text(event, layout))
                if not isinstance(event, Heard | Unheard):
                    for line in happening_text(event, layout.columns).splitlines():
                        say(line, err=True)
    except (KeyboardInterrupt, AscKitError):
        finish()
        raise
    finish()


def _list_devices(as_json: bool) -> None:
    from dataclasses import asdict

    from ..listening.microphone import input_devices

    devices = input_devices()
    if as_json:
        say_json([asdict(each) for each in devices])
        return
    if not devices:
        say("no microphone", err=True)
    for each in devices:
        mark = "*" if each.is_default else " "
        details = f"{each.host_api}, {each.channels} channels, {each.default_rate_hz} Hz"
        say(f"{mark} {each.index:3d}  {each.name}  ({details})")
