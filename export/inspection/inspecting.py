"""A whole inspection: open bundle, run and clips, measure, rank, suggest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit import __version__
from asc_kit.bundle import Bundle, Fidelity
from asc_kit.dataset import Layout
from asc_kit.errors import ModelError
from asc_kit.inference.int8_scores import map_int8
from asc_kit.run import Run

from ..conversion import float_flatbuffer
from ..network.affine import Affine
from ..network.execution import run as compute_network
from ..network.graph import Network
from ..network.reading import read_network
from .clips import HeardClips, golden_clips, split_clips
from .document import Inspection, Kept, LayerRecord, Quality, ReferenceKind
from .keeping import ALL_INT8, outputs_when_kept
from .layers import Layer, layers_of, stored_scheme
from .quality import Judge
from .reference import (
    Constants,
    as_equalized,
    check_provenance,
    check_rounded,
    matching_constants,
    rounded_from,
)
from .signals import Measured, measure
from .suggestions import Findings, suggestions_for

# Above this relative difference two float networks do not compute the same.
_SAME_OUTPUT = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """The float network that int8 is compared with."""

    kind: ReferenceKind
    """The network with whose values the layers are compared."""
    constants: Constants
    """Its constants, by the int8 network's tensor indices."""
    kept: Constants
    """The constants of a layer that is kept in float."""
    network: Network | None
    """The run's float network; None without a run."""
    notes: tuple[str, ...]
    """Remarks for the reader."""


def inspect_bundle(
    bundle: Bundle,
    run: Run | None,
    data: Path | None,
    n_clips: int,
    reference: ReferenceKind | None = None,
    layout: Layout | None = None,
) -> Inspection:
    """Look at a bundle's int8 network layer by layer.

    Parameters
    ----------
    bundle
        The bundle.
    run
        The run it was exported from: gives the float weights and the data set; None for the bundle alone.
    data
        Folder of the data set; None for where the run found it, or for the golden clips without a run.
    n_clips
        Most clips of the test split.
    reference
        The network to compare int8 with; None for the run's network if a run is given.
    layout
        Layout of the data set, as the user names it; None for the run's layout, or to detect it.

    Raises
    ------
    ModelError
        When the flatbuffer is damaged or no int8 network, or the bundle was not made from the run.
    BundleError, DataError
        When there are no clips, or they do not fit.
    """
    if run is not None:
        check_provenance(bundle.manifest, run.manifest)
    network = read_network(bundle.model_path.read_bytes())
    scheme = stored_scheme(network)
    chosen = reference_of(bundle, network, run, reference)
    clips = _clips(bundle, run, data, n_clips, layout)
    return _inspect(bundle, network, scheme, chosen, clips)


def reference_of(bundle: Bundle, network: Network, run: Run | None, wanted: ReferenceKind | None) -> Reference:
    """Choose the network that int8 is compared with, and explain the choice in notes.

    Raises
    ------
    ModelError
        When the bundle was not made from the run.
    """
    settings = bundle.manifest.provenance.quantization
    own: Constants = {}
    if run is None:
        note = (
            "compared with the bundle's own network in float, its weights as int8 left them: what rounding the "
            "weights did does not show; --run RUN shows it"
        )
        return Reference(kind="bundle", constants=own, kept=own, network=None, notes=(note,))
    real = read_network(float_flatbuffer(run.saved_model_path))
    constants = matching_constants(network, real)
    mine = ("layers are compared with the bundle's own network in float, the whole with the run's",)
    if settings.method == "qat":
        # after fine-tuning the run's weights are no longer those that int8 rounded
        if wanted == "bundle" or settings.equalization:
            return Reference(kind="bundle", constants=own, kept=own, network=real, notes=mine)
        note = (
            "compared with the run's network: noise includes what fine-tuning changed on purpose; "
            "--reference bundle leaves that out"
        )
        return Reference(kind="run", constants=constants, kept=own, network=real, notes=(note,))
    if settings.equalization:
        constants = as_equalized(network, constants)
        if not rounded_from(network, constants):
            return Reference(kind="bundle", constants=own, kept=own, network=real, notes=mine)
    else:
        check_rounded(network, constants)
    if wanted == "bundle":
        return Reference(kind="bundle", constants=own, kept=own, network=real, notes=mine)
    return Reference(kind="run", constants=constants, kept=constants, network=real, notes=())


def _clips(bundle: Bundle, run: Run | None, data: Path | None, n_clips: int, layout: Layout | None) -> HeardClips:
    if run is None and data is None:
        return golden_clips(bundle)
    if run is None:
        assert data is not None
        return split_clips(bundle, data, n_clips, layout=layout)
    root = data if data is not None else Path(run.manifest.data_root)
    data_id = run.manifest.evaluation.data_id
    return split_clips(bundle, root, n_clips, data_id=data_id, layout=layout or run.manifest.layout)


def _inspect(
    bundle: Bundle, network: Network, scheme: dict[int, Affine], reference: Reference, clips: HeardClips
) -> Inspection:
    manifest = bundle.manifest
    judge = Judge(clips=clips, task=manifest.task, activation=manifest.output_activation)
    layers = layers_of(network, scheme)
    compared = network.with_constants(reference.constants)
    outputs = compute_network(compared, clips.features)
    if reference.network is not None:
        theirs = compute_network(reference.network, clips.features)
        if reference.kind == "run":
            _check_same(theirs, outputs)
        outputs = theirs
    of_float = judge.scores(outputs)
    measured = measure(network, reference.constants, scheme, layers, clips.features)
    simulated = outputs_when_kept(network, reference.kept, scheme, layers, clips.features)
    scores = {index: judge.scores(values) for index, values in simulated.items()}
    kernels = _kernel_outputs(bundle, clips.features)
    figures = {index: judge.quality(each, of_float) for index, each in scores.items()}
    kept = _ranked(judge, layers, scores, figures)
    output = scheme[network.output]
    records = tuple(
        _record(network, layer, scheme[layer.tensor], measured[layer.index], kept[layer.index]) for layer in layers
    )
    findings = Findings(
        layers=records,
        settings=manifest.provenance.quantization,
        of_float=judge.quality(of_float, of_float),
        of_int8=judge.quality(judge.scores(manifest.output.dequantize(kernels)), of_float),
        agreement=_agreement(simulated[ALL_INT8], kernels, output),
        n_clips=clips.record.clips,
        has_run=reference.network is not None,
        score_name="accuracy" if manifest.task == "single_label" else "lwlrap",
    )
    return Inspection(
        schema_version=1,
        asc_kit=__version__,
        name=manifest.name,
        model_sha256=manifest.model_sha256,
        task=manifest.task,
        quantization=findings.settings,
        representative_clips=manifest.provenance.representative_clips,
        representative_id=manifest.provenance.representative_id,
        reference=reference.kind,
        clips=clips.record,
        of_float=findings.of_float,
        of_int8=findings.of_int8,
        of_simulation=figures[ALL_INT8],
        agreement=findings.agreement,
        layers=records,
        suggestions=suggestions_for(findings),
        notes=(*reference.notes, *_clip_notes(clips)),
    )


def _check_same(expected: NDArray[np.float32], received: NDArray[np.float32]) -> None:
    """Make sure that the run's constants give the same outputs in the bundle's graph as in their own."""
    off = float(np.abs(expected - received).max() / max(1e-6, float(np.abs(expected).max())))
    if not off <= _SAME_OUTPUT:
        raise ModelError(
            f"the bundle was not made from this run: with its weights the bundle's network gives outputs "
            f"that are off by {off:.1%} of the largest",
            hint="compare with the bundle's own network: --reference bundle",
        )


def _kernel_outputs(bundle: Bundle, features: NDArray[np.float32]) -> NDArray[np.int8]:
    inputs = bundle.manifest.input.quantize(features)
    model = bundle.model_path.read_bytes()
    outputs = map_int8(
        model,
        lambda interpreter, index: interpreter.run(inputs[index][np.newaxis]).reshape(-1),
        len(inputs),
        "reference kernels",
    )
    return np.stack(outputs)


def _agreement(simulated: NDArray[np.float32], kernels: NDArray[np.int8], output: Affine) -> Fidelity:
    rows = simulated.astype(np.float64).reshape(len(simulated), -1)
    steps = np.abs(rows / output.scale + output.zero_point - kernels)
    # where several outputs are equally large, the first counts for both
    same = np.rint(rows / output.scale).argmax(axis=1) == kernels.argmax(axis=1)
    return Fidelity(
        windows=len(rows), mean_steps=float(steps.mean()), max_steps=float(steps.max()), same_class=float(same.mean())
    )


def _ranked(
    judge: Judge, layers: tuple[Layer, ...], scores: dict[int, NDArray[np.float64]], figures: dict[int, Quality]
) -> dict[int, Kept]:
    """Order the layers: those whose cost exceeds chance by that cost, then the others by the probability they move."""
    base, before = figures[ALL_INT8], judge.credits(scores[ALL_INT8])
    costs = {}
    for layer in layers:
        now, grown = figures[layer.index], judge.credits(scores[layer.index]) - before
        costs[layer.index] = Kept(
            rank=1,
            score_gain=now.score - base.score,
            log_loss_gain=base.log_loss - now.log_loss,
            moved_gain=base.moved - now.moved,
            mended=int((grown > 0).sum()),
            broken=int((grown < 0).sum()),
            certain=bool(grown.sum() > 2 * np.sqrt(np.sum(grown**2))),
        )
    order = sorted(
        costs, key=lambda index: (-costs[index].score_gain if costs[index].certain else 0.0, -costs[index].moved_gain)
    )
    return {index: replace(costs[index], rank=rank) for rank, index in enumerate(order, start=1)}


def _record(network: Network, layer: Layer, affine: Affine, measured: Measured, kept: Kept) -> LayerRecord:
    return LayerRecord(
        index=layer.index,
        name=layer.name,
        op=layer.op,
        shape=network.tensors[layer.tensor].shape,
        scale=affine.scale,
        zero_point=affine.zero_point,
        sharing=layer.sharing,
        lowest=affine.lowest,
        highest=affine.highest,
        low=measured.low,
        high=measured.high,
        inner_low=measured.inner_low,
        inner_high=measured.inner_high,
        clipped_low=measured.clipped_low,
        clipped_high=measured.clipped_high,
        unused_codes=measured.unused_codes,
        unreached=measured.unreached,
        channel_spread=measured.channel_spread,
        constant_share=measured.constant_share,
        sqnr_alone_db=measured.sqnr_alone_db,
        sqnr_db=measured.sqnr_db,
        fall_db=measured.fall_db,
        histogram=measured.histogram,
        kept=kept,
    )


def _clip_notes(clips: HeardClips) -> tuple[str, ...]:
    n_clips = clips.record.clips
    meaning = f"one clip is {100 / n_clips:.3g} points: differences of a clip or two mean nothing"
    if clips.record.source == "golden":
        return (
            f"on the {n_clips} golden clips of the bundle, too few to judge accuracy by: {meaning}; "
            "--run RUN or --data DIR takes clips of the test split",
        )
    return (f"on {n_clips:,} clips of split {clips.record.source}: {meaning}",)
