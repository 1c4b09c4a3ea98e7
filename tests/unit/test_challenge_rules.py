"""The limits of the challenges: published figures, exact boundaries, and what --enforce says."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc_kit.challenge_rules import (
    MACS,
    YEARS,
    LimitCheck,
    NetworkCounts,
    Precision,
    RuleCheck,
    Storage,
    check_rules,
    enforce,
)
from asc_kit.errors import MismatchError


def float_network(
    parameters: int, macs: int, *, running: int = 0, macs_2022: int | None = None, seconds: float | None = 1.0
) -> NetworkCounts:
    """A network none of whose values is zero."""
    widths: dict[Precision, int] = {"float32": 4, "float16": 2, "int8": 1}
    return NetworkCounts(
        trained=True,
        parameters=parameters,
        running_statistics=running,
        nonzero_parameters=parameters + running,
        storage=tuple(
            Storage(precision=name, parameter_bytes=width * parameters, nonzero_bytes=width * (parameters + running))
            for name, width in widths.items()
        ),
        macs=macs,
        macs_2022=macs if macs_2022 is None else macs_2022,
        seconds=seconds,
    )


def limit(checks: tuple[RuleCheck, ...], year: str, name: str, precision: Precision | None = None) -> LimitCheck:
    (rule,) = [check for check in checks if check.rule == year]
    (found,) = [one for one in rule.limits if one.name == name and one.precision == precision]
    return found


def holds(checks: tuple[RuleCheck, ...]) -> dict[str, bool]:
    return {check.rule: check.holds for check in checks}


def test_the_baseline_of_2024_holds_at_16_bits() -> None:
    baseline = float_network(61_148, 29_419_156)
    checks = check_rules(baseline)
    half = limit(checks, "2024", "parameter bytes", "float16")
    assert (half.value, half.limit, half.margin, half.holds) == (122_296, 128_000, 5_704, True)
    full = limit(checks, "2024", "parameter bytes", "float32")
    assert (full.value, full.margin, full.margin_percent, full.holds) == (244_592, -116_592, -91.09, False)
    macs = limit(checks, "2024", "MACs per second")
    assert (macs.value, macs.margin, macs.margin_percent) == (29_419_156, 580_844, 1.94)
    assert holds(checks)["2024"] is False and holds(check_rules(baseline, "float16"))["2024"] is True
    assert holds(check_rules(baseline, "float16"))["2025"] is True


def test_the_baseline_of_2021_counts_running_statistics() -> None:
    # published with 16-bit parameters: 46,246 of them, 90.3 KB
    checks = check_rules(float_network(46_118, 287_303_638, running=128, seconds=10))
    published = limit(checks, "2021", "non-zero parameter bytes", "float16")
    assert published.value == 92_492 and math.floor(published.value / 102.4) / 10 == 90.3
    assert published.limit == 131_072
    assert limit(checks, "2022", "parameters").value == 46_118


@pytest.mark.parametrize("year", YEARS)
def test_a_limit_may_be_reached_but_not_passed(year: str) -> None:
    most = 32_768 if year == "2021" else 128_000
    for extra in (0, 1):
        precision: Precision = "float32" if year == "2021" else "int8"
        checks = check_rules(float_network(most + extra, 0), precision)
        assert holds(checks)[year] is (extra == 0)
        if year != "2021":
            assert holds(check_rules(float_network(0, MACS + extra)))[year] is (extra == 0)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(
    parameters=st.integers(0, 300_000),
    macs=st.integers(0, 10**9),
    seconds=st.sampled_from([0.5, 1.0, 1.036, 10.0]),
    precision=st.sampled_from(["float32", "float16", "int8"]),
)
def test_a_rule_holds_when_its_limits_do(parameters: int, macs: int, seconds: float, precision: Precision) -> None:
    for check in check_rules(float_network(parameters, macs, seconds=seconds), precision):
        assert check.holds == all(one.holds for one in check.limits if one.decides)
        for one in check.limits:
            assert one.holds == (one.value <= one.limit) and one.margin == one.limit - one.value
            if one.unit == "MACs":
                assert one.value - 1 < macs / seconds <= one.value
            assert one.decides == (one.precision in (None, precision))


def test_the_tool_of_2022_has_its_own_count_of_macs() -> None:
    checks = check_rules(float_network(46_118, 29_271_638, macs_2022=29_234_920))
    by_year = {year: limit(checks, year, "MACs per second").value for year in ("2022", "2023", "2024", "2025")}
    assert by_year == {"2022": 29_234_920, "2023": 29_234_920, "2024": 29_271_638, "2025": 29_271_638}


def test_bytes_of_an_int8_model_do_not_decide_a_rule_of_parameters() -> None:
    counts = NetworkCounts(
        trained=True,
        parameters=128_000,
        running_statistics=0,
        nonzero_parameters=128_000,
        storage=(Storage(precision="int8", parameter_bytes=128_900, nonzero_bytes=128_900),),
        macs=1,
        macs_2022=1,
        seconds=1.0,
    )
    checks = check_rules(counts)
    of_tool = limit(checks, "2022", "bytes, as its tool counts", "int8")
    assert (of_tool.value, of_tool.holds, of_tool.decides) == (128_900, False, False)
    assert holds(checks) == {"2021": True, "2022": True, "2023": True, "2024": False, "2025": False}


def test_an_unknown_length_is_said() -> None:
    checks = check_rules(float_network(10, 40_000_000, seconds=None))
    assert not limit(checks, "2023", "MACs per inference").holds
    assert [any("not known" in note for note in check.notes) for check in checks] == [False, True, True, True, True]


def test_enforce_names_limit_and_amount() -> None:
    checks = check_rules(float_network(61_148, 31_000_000))
    with pytest.raises(
        MismatchError, match=r"rule of DCASE 2022: MACs per second: 31,000,000, 1,000,000 \(3.3 %\) above"
    ) as caught:
        enforce(checks, ["2022"])
    assert caught.value.exit_code == 4 and "2024" not in caught.value.message
    with pytest.raises(MismatchError) as caught:
        enforce(checks, ["2023", "2024"])
    assert "2023: MACs" in caught.value.message and "2024: parameter bytes at float32" in caught.value.message
    assert "--precision" not in str(caught.value.hint)
    enforce(checks, [])


def test_enforce_names_a_precision_that_would_do() -> None:
    for parameters, precision in ((61_148, "float16"), (100_000, "int8")):
        checks = check_rules(float_network(parameters, 1))
        with pytest.raises(MismatchError) as caught:
            enforce(checks, ["2021", "2024"])
        assert f"--precision {precision} " in str(caught.value.hint)
    with pytest.raises(MismatchError) as caught:
        enforce(check_rules(float_network(200_000, 1)), ["2024"])
    assert "--precision" not in str(caught.value.hint)


def test_a_bundle_goes_by_its_float_network() -> None:
    """The baseline of 2024 in int8: its folded biases count at every position, and would be above the limit."""
    counts = NetworkCounts(
        trained=True,
        parameters=59_794,
        running_statistics=0,
        nonzero_parameters=59_794,
        storage=(Storage(precision="int8", parameter_bytes=63_856, nonzero_bytes=63_856),),
        macs=30_216_768,
        macs_2022=29_689_408,
        folded=True,
        float_macs=29_419_156,
        seconds=1.0,
    )
    checks = check_rules(counts)
    assert all(holds(checks).values())
    folded = limit(checks, "2024", "MACs per second, folded")
    assert (folded.value, folded.holds, folded.decides) == (30_216_768, False, False)
    assert limit(checks, "2025", "MACs per second, float network").value == 29_419_156
