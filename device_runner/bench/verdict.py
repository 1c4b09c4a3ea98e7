"""Whether a result is valid, and who is to blame if not: an error with exit code 4."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from asc_kit.errors import MismatchError
from asc_kit.result import BenchmarkResult, ClipDifference, FeaturePlace, Prediction, Side

SIDES: dict[Side, str] = {
    "input": "the input: the board's memory does not hold what was sent",
    "front_end": "the front end of the board",
    "network": "the network of the board",
}
_LINK_TITLES = {
    "retries": "Requests sent again",
    "frames_dropped": "Damaged answers dropped",
    "frames_stale": "Late answers passed over",
    "frames_of_others": "Frames of other sessions passed over",
    "seals_refused": "Answers refused by their seal",
    "digests_refused": "Clips refused by their digest",
    "sessions_lost": "Sessions lost, by a reset or a bad line",
    "clips_repeated": "Clips begun again",
    "resumed": "Interruptions gone on after",
}


def _counter(name: str) -> Callable[[BenchmarkResult], str | None]:
    """Return a function that writes a counter of a result; results of schema 2 counted only requests."""
    return lambda result: f"{getattr(result.link, name):,}" if result.run_id is not None or name == "retries" else None


LINK_LINES: tuple[tuple[str, Callable[[BenchmarkResult], str | None]], ...] = tuple(
    (title, _counter(name)) for name, title in _LINK_TITLES.items()
)
"""Repairs, for people: a title and a count."""
_SHOWN_CLIPS = 3


def problems_of(result: BenchmarkResult) -> tuple[str, ...]:
    """Return the faults of a result, a sentence each; nothing if it is valid."""
    return (*_outputs(result), *_front_end(result))


def judge(result: BenchmarkResult) -> None:
    """Refuse an invalid result.

    Raises
    ------
    MismatchError
        If it is invalid; the message names clips, the side that differs, and mel bands.
    """
    problems = problems_of(result)
    if problems:
        raise MismatchError(
            "; ".join(problems),
            hint="no figure of this result stands for the model: mend the firmware and measure again. See differences "
            "and feature_place in results.json; if the firmware is the kit's own, this is a defect, report it",
        )


def place_text(place: FeaturePlace) -> str:
    """Name mel bands and frames, for people, who count them from 0 as the tables do."""
    bands = f"mel band{'s' if len(place.bands) > 1 else ''} {', '.join(map(str, place.bands))}"
    if place.first_frame == place.last_frame:
        return f"{bands} in frame {place.first_frame}"
    return f"{bands} in frames {place.first_frame} to {place.last_frame}"


def difference_text(difference: ClipDifference) -> str:
    """Describe what is known about a difference."""
    again = "the same when it was sent again" if difference.reproducible else "not the same when it was sent again"
    return f"{difference.text} ({again})"


def _outputs(result: BenchmarkResult) -> tuple[str, ...]:
    wrong = [item for item in result.predictions if not item.bit_identical]
    if not wrong:
        return ()
    text = (
        f"{len(wrong)} of {result.clips} outputs differ from the reference kernels, the first for {wrong[0].filename}"
    )
    return (text + _blame(wrong, ("input", "network")),)


def _front_end(result: BenchmarkResult) -> tuple[str, ...]:
    if result.is_front_end_within:
        return ()
    text = (
        f"the front end is out of tolerance: {100 * result.feature_mismatch_share:.2f} % of the features differ from "
        f"the reference's, by up to {result.feature_lsb_max} LSB. Expected: at most "
        f"{100 * result.feature_tolerance_share:g} %, by {result.feature_tolerance_lsb} LSB"
    )
    worst = sorted(result.predictions, key=lambda item: (-item.feature_lsb_max, -item.feature_mismatches))
    far = [item for item in worst if item.feature_lsb_max > result.feature_tolerance_lsb]
    places = [
        f"{item.filename} ({item.feature_mismatches} features, by up to {item.feature_lsb_max} LSB, most in "
        f"{place_text(item.feature_place)})"
        for item in (far or worst)[:_SHOWN_CLIPS]
        if item.feature_place is not None
    ]
    if places:
        text += f". Worst in {', '.join(places)}"
    return (text + _blame(far, ("front_end",)),)


def _blame(predictions: Sequence[Prediction], sides: Sequence[Side]) -> str:
    """Name the sides that differ, the most frequent first, with the observation in the first clip of each."""
    by_side: dict[Side, list[ClipDifference]] = {}
    for item in predictions:
        for difference in item.differences:
            if difference.side in sides:
                by_side.setdefault(difference.side, []).append(difference)
    texts = []
    for side, differences in sorted(by_side.items(), key=lambda entry: -len(entry[1])):
        again = sum(difference.reproducible for difference in differences)
        texts.append(
            f". To blame is {SIDES[side]}, the same again in {again} of {len(differences)} clips that were sent again: "
            f"{differences[0].text}"
        )
    return "".join(texts)
