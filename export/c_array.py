"""The flatbuffer as a C array, for firmware that brings its own interpreter."""

from __future__ import annotations

from asc_kit import __version__
from asc_kit.bundle import BundleManifest
from asc_kit.records.record import short_id
from asc_kit.text import in_c_comment

HEADER = "asc_model_data.h"
SOURCE = "asc_model_data.c"

_BYTES_PER_LINE = 16

_BANNER = """\
/* Written by asc-kit {version}. Do not edit: run `asc-kit export RUN --out BUNDLE` again.
 *
 * Model {name}, {size} bytes, TensorFlow Lite flatbuffer, int8 in and out.
 * SHA-256 {sha256}
 * front end {spec_id}
 * input  int8 {input_shape}, real = {input_scale!r} * (q - {input_zero})
 * output int8 {output_shape}, real = {output_scale!r} * (q - {output_zero}), {activation}
 * labels {labels_id}: {labels}
 */
"""

_HEADER = """\
#ifndef ASC_MODEL_DATA_H
#define ASC_MODEL_DATA_H

#ifdef __cplusplus
extern "C" {{
#endif

#define ASC_MODEL_DATA_BYTES {size}u

/* Aligned to 16 bytes, as an interpreter that reads the flatbuffer in place requires. */
extern const unsigned char asc_model_data[ASC_MODEL_DATA_BYTES];

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE_HEAD = """\
#include "asc_model_data.h"

#if defined(__cplusplus)
#define ASC_MODEL_ALIGN alignas(16)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define ASC_MODEL_ALIGN _Alignas(16)
#elif defined(__GNUC__)
#define ASC_MODEL_ALIGN __attribute__((aligned(16)))
#else
#error "this compiler needs its own way to align a constant to 16 bytes"
#endif

/* clang-format off */
ASC_MODEL_ALIGN const unsigned char asc_model_data[ASC_MODEL_DATA_BYTES] = {
"""


def c_array(model: bytes, manifest: BundleManifest) -> dict[str, str]:
    """Return the text of the header and of the source, by file name; the same model gives the same text."""
    banner = _banner(model, manifest)
    lines = [
        "    " + ", ".join(f"0x{byte:02x}" for byte in model[start : start + _BYTES_PER_LINE]) + ",\n"
        for start in range(0, len(model), _BYTES_PER_LINE)
    ]
    return {
        HEADER: banner + _HEADER.format(size=len(model)),
        SOURCE: banner + _SOURCE_HEAD + "".join(lines) + "};\n",
    }


def _banner(model: bytes, manifest: BundleManifest) -> str:
    return _BANNER.format(
        version=__version__,
        name=in_c_comment(manifest.name),  # names and labels are the user's text
        size=len(model),
        sha256=manifest.model_sha256,
        spec_id=manifest.frontend.spec_id,
        input_shape=list(manifest.input.shape),
        input_scale=manifest.input.scale,
        input_zero=manifest.input.zero_point,
        output_shape=list(manifest.output.shape),
        output_scale=manifest.output.scale,
        output_zero=manifest.output.zero_point,
        activation=manifest.output_activation,
        labels_id=short_id(list(manifest.labels)),
        labels=in_c_comment(" ".join(manifest.labels)),
    )
