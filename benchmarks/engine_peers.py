"""What others take for the same networks: measured on the same emulated cores, and published for real boards."""

from dataclasses import dataclass, field

from random_networks import CP_MOBILE

KEYWORDS = "kws_ds_cnn_int8"
LEADS = {
    "Cortex-M0+": "stm32g0b1",
    "Cortex-M3": "stm32f103",
    "Cortex-M4F": "stm32l4r5",
    "Cortex-M7": "stm32f746",
    "Cortex-M33": "stm32u575",
    "Cortex-M55": "m55_tcm",
}
"""The part that a core is shown on, where there is room for one."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """TensorFlow Lite Micro (August 2026), CMSIS-NN (July 2026), GCC 12.2 -O2, the same emulated cores and ruler."""

    instructions: dict[str, int] = field(default_factory=dict)
    """By core."""
    cycles: int
    """Estimated on a Cortex-M4F without wait states."""
    ms: float
    """Estimated on an STM32L4R5 at 120 MHz."""
    arena_bytes: int | None = None
    code_bytes: dict[str, int] = field(default_factory=dict)
    weight_bytes: int | None = None


PEERS = {
    CP_MOBILE: Peer(
        instructions={
            "Cortex-M4F": 93_900_000,
            "Cortex-M7": 93_200_000,
            "Cortex-M33": 93_800_000,
            "Cortex-M55": 21_800_000,
        },
        cycles=111_800_000,
        ms=991.9,
        arena_bytes=224_084,
        code_bytes={"Cortex-M4F": 46_496, "Cortex-M55": 39_708},
        weight_bytes=109_504,
    ),
    KEYWORDS: Peer(
        instructions={
            "Cortex-M4F": 7_700_000,
            "Cortex-M7": 7_650_000,
            "Cortex-M33": 7_680_000,
            "Cortex-M55": 1_820_000,
        },
        cycles=9_210_000,
        ms=82.1,
        arena_bytes=22_820,
        code_bytes={"Cortex-M4F": 54_468, "Cortex-M55": 45_492},
        weight_bytes=53_936,
    ),
    # the same shapes, the peer's with the weights of the benchmark
    "mlperf_image": Peer(instructions={"Cortex-M4F": 29_900_000}, cycles=35_900_000, ms=350.1),
    "mlperf_person": Peer(instructions={"Cortex-M4F": 24_100_000}, cycles=29_100_000, ms=271.4),
    "mlperf_anomaly": Peer(instructions={"Cortex-M4F": 580_000}, cycles=720_000, ms=7.5),
}

PUBLISHED_MS = {
    "stm32l4r5": {KEYWORDS: 43.19, "mlperf_image": 165.1, "mlperf_person": 88.93, "mlperf_anomaly": 4.05},
    "stm32u575": {KEYWORDS: 29.0, "mlperf_image": 109.5, "mlperf_person": 59.3, "mlperf_anomaly": 3.21},
    "stm32f746": {KEYWORDS: 17.75, "mlperf_image": 62.88, "mlperf_person": 34.08, "mlperf_anomaly": 1.71},
    "stm32g0b1": {KEYWORDS: 474.6, "mlperf_image": 1522, "mlperf_person": 1414, "mlperf_anomaly": 40.9},
}
"""The best published for a part on silicon: MLPerf Tiny, closed division, median latency (X-CUBE-AI 9 and 10.2,
Plumerai, HALE)."""
