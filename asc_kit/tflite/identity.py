"""The identity of a file: a .tflite model, another file in its place, or a model that a compiler has emptied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from asc_kit.errors import ModelError

IDENTIFIER = b"TFL3"
_GIVE = "give a .tflite file as the converter writes it"
# first bytes of a file, what they mean, and the cure
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "a pointer of Git LFS: the model itself was not fetched", "run: git lfs pull"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first: gunzip"),
    (b"BZh", "compressed with bzip2", "unpack it first: bunzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz", "unpack it first: unxz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first: unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes weights and older models", "convert it with TFLiteConverter"),
    (b"ML\xefR", "MLIR bytecode", _GIVE),
    (b"\x7fELF", "an ELF image", _GIVE),
    (b"%PDF", "a PDF document", _GIVE),
    (b"\x80\x02", "a pickle, as PyTorch writes weights", "convert the model to .tflite first"),
)
_FLATBUFFERS = {
    b"TFL2": "a TensorFlow Lite model of 2017, whose format is not read any more",
    b"ORTM": "a model of ONNX Runtime",
    b"CIR0": "a circle model, of another runtime",
    b"ET12": "a program of ExecuTorch",
}
_C_ARRAY = re.compile(
    rb"(unsigned char|char|u?int8_t)\s+\w+\s*\[|^\s*#\s*(include|ifndef|pragma)|^(\s*0x[0-9a-fA-F]{2},)+"
)
_READ_AHEAD = 4096
# custom operators that stand for what a compiler took out of the network
_COMPILED = {
    "ethos-u": ("for an Arm Ethos-U, by Vela", "give the model that Vela was given"),
    "edgetpu-custom-op": ("for a Coral Edge TPU", "give the model that edgetpu_compiler was given"),
    "DISPATCH_OP": ("for an NPU, by LiteRT's compiler", "give the model that the compiler was given"),
}


def check_identifier(model: bytes) -> None:
    """Check that bytes are a flatbuffer of TensorFlow Lite.

    Raises
    ------
    ModelError
        If they are not; the message says what they are.
    """
    if model[4:8] == IDENTIFIER:
        return
    what, hint = _what(model)
    raise ModelError(f"this is not a TensorFlow Lite model (no identifier TFL3) but {what}", hint=hint)


def _what(data: bytes) -> tuple[str, str]:
    if not data:
        return "an empty file", _GIVE
    if data[:4] == b"PK\x03\x04":
        if b"model.weights.h5" in data or b"metadata.json" in data[:_READ_AHEAD]:
            return "a Keras model", "convert it with TFLiteConverter, or train and export with this kit"
        if b"/data.pkl" in data[:_READ_AHEAD]:
            return "a PyTorch model", "convert the model to .tflite first"
        return "a zip archive", "unpack it first: unzip"
    for beginning, what, hint in _BEGINNINGS:
        if data.startswith(beginning):
            return what, hint
    if data[4:8] in _FLATBUFFERS:
        return _FLATBUFFERS[data[4:8]], _GIVE
    head = data[:_READ_AHEAD]
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page", "download the file itself; of a repository's page that is the link named raw"
    if b"\x00" not in head:
        if _C_ARRAY.search(head):
            return "C source, as of a model turned into an array", "give the .tflite file that the array was made of"
        if head.lstrip()[:1] in (b"{", b"["):
            return "JSON", _GIVE
        if head.lstrip()[:5] == b"<?xml":
            return "XML", _GIVE
        if head.isascii():
            return "text", _GIVE
    return "something else", _GIVE


def refuse_unsupported(
    names: Sequence[str], supported: Iterable[str], where: str, hints: dict[str, str], *, what: str = "supported"
) -> None:
    """Refuse a model for all its unsupported operators at once.

    Parameters
    ----------
    names
        The name of each operator of the model, in order, as `operator_name` gives it.
    supported
        Names of the supported operators.
    where
        Output of the first unsupported operator, for the message.
    hints
        Cures for operators, by name.
    what
        What the others are, and these are not.

    Raises
    ------
    ModelError
        If there is any; the message names each kind and its count.
    """
    known = set(supported)
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    for custom, (target, hint) in _COMPILED.items():
        if f"CUSTOM {custom!r}" in unknown:
            raise ModelError(
                f"the model was compiled {target}: operator {names.index(f'CUSTOM {custom!r}')} CUSTOM {custom!r} "
                "stands for a part of the network that only this accelerator can run",
                hint=f"{hint}: an int8 .tflite file with TFLite's own operators",
            )
    kinds = sorted(set(unknown))
    first = names.index(unknown[0])
    if len(unknown) == 1:
        message = f"operator {first} {unknown[0]}, which computes {where}, is not {what}"
    else:
        counted = ", ".join(f"{unknown.count(kind)} {kind}" for kind in kinds)
        message = (
            f"{len(unknown)} of {len(names)} operators are not {what}: {counted}. "
            f"The first, operator {first} {unknown[0]}, computes {where}"
        )
    told = [hints[kind] for kind in kinds if kind in hints]
    if any(kind.startswith("CUSTOM 'Flex") for kind in kinds):
        told.append("operators named Flex are TensorFlow's own: convert without SELECT_TF_OPS; ")
    raise ModelError(message, hint=f"{''.join(dict.fromkeys(told))}{what.split()[0]}: {', '.join(sorted(known))}")
