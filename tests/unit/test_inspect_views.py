"""What is suggested and shown of an inspection; no TensorFlow."""

import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from inspection_case import made_up_inspection, made_up_layer
from rich.console import Console

from asc_kit.bundle import Fidelity
from asc_kit.errors import AscKitError
from asc_kit.export.inspection import words
from asc_kit.export.inspection.document import Inspection, Kept, LayerRecord, Suggestion
from asc_kit.export.inspection.page import check_target, render, write_page
from asc_kit.export.inspection.suggestions import Findings, suggestions_for
from asc_kit.export.inspection.terminal import show, sparkline
from asc_kit.outputs import INVENTORY
from asc_kit.quantization import QuantizationSettings
from asc_kit.records.record import parse_record, to_plain


def findings(*layers: LayerRecord, **changed: Any) -> Findings:
    found = made_up_inspection(*layers)
    plain = Findings(
        layers=found.layers, settings=found.quantization, of_float=found.of_float, of_int8=found.of_int8,
        agreement=found.agreement, n_clips=200, has_run=True, score_name="accuracy",
    )  # fmt: skip
    return replace(plain, **changed)


def rules(found: Findings) -> list[tuple[str, int | None]]:
    return [(one.rule, one.layer) for one in suggestions_for(found)]


def test_nothing_conspicuous_is_said_and_nothing_else() -> None:
    assert rules(findings()) == [("nothing", None)]


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # what breaks the rule, what just does not, what is advised
    "clipping": (
        {"clipped_high": 0.006, "clipped_low": 0.005, "sqnr_alone_db": 24.9},
        {"clipped_high": 0.006, "clipped_low": 0.003, "sqnr_alone_db": 24.9},
        "--representative 200",
    ),
    "outliers": (
        {"inner_high": 1.2, "sqnr_alone_db": 29.0},
        {"inner_high": 1.3, "sqnr_alone_db": 29.0},
        "--calibration percentile",
    ),
    "channels": (
        {"channel_spread": 16.5, "sqnr_alone_db": 29.0},
        {"channel_spread": 15.5, "sqnr_alone_db": 29.0},
        "--equalize",
    ),
    "bias": (
        {"constant_share": 0.51, "sqnr_alone_db": 29.0},
        {"constant_share": 0.49, "sqnr_alone_db": 29.0},
        "--correct-bias",
    ),
    "unreached": (
        {"unreached": 0.51, "sqnr_alone_db": 29.0},
        {"unreached": 0.49, "sqnr_alone_db": 29.0},
        "--calibration percentile",
    ),
    "fall": ({"fall_db": 6.1, "sqnr_db": 29.0}, {"fall_db": 5.9, "sqnr_db": 29.0}, "--quantize qat"),
    "constant": ({"low": 0.0, "high": 0.0, "inner_high": 0.0}, {}, "train longer"),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_names_the_layer_that_breaks_it(rule: str) -> None:
    broken, kept, advice = CASES[rule]
    found = suggestions_for(findings(made_up_layer(0), made_up_layer(1, **broken), made_up_layer(2)))
    assert [(one.rule, one.layer) for one in found] == [("accuracy", None), (rule, 1)]
    assert advice in found[1].advice
    assert rules(findings(made_up_layer(0), made_up_layer(1, **kept))) == [("nothing", None)]


@pytest.mark.parametrize("rule", ["clipping", "outliers", "channels", "bias", "unreached"])
def test_a_layer_with_little_noise_is_left_alone(rule: str) -> None:
    layer = made_up_layer(0, **{**CASES[rule][0], "sqnr_alone_db": 31.0})
    assert rules(findings(layer)) == [("nothing", None)]
    assert rules(findings(replace(layer, sqnr_alone_db=None))) == [("nothing", None)]


@pytest.mark.parametrize("op", ["LOGISTIC", "SOFTMAX", "TANH"])
def test_prescribed_scales_are_not_complained_of(op: str) -> None:
    layer = made_up_layer(0, op=op, unreached=0.9, inner_high=0.1, clipped_high=0.5, sqnr_alone_db=10.0)
    assert rules(findings(layer)) == [("nothing", None)]


@pytest.mark.parametrize(
    ("settings", "rule", "advice"),
    [
        (QuantizationSettings(calibration="percentile"), "clipping", "--calibration min_max"),
        (QuantizationSettings(calibration="percentile"), "outliers", "--calibration mse"),
        (QuantizationSettings(equalization=True), "channels", "--quantize qat"),
        (QuantizationSettings(bias_correction=True), "bias", "--quantize qat"),
        (QuantizationSettings(method="qat"), "fall", "fine-tuning is done already"),
        (QuantizationSettings(representative_clips=300), "clipping", "--representative 600"),
    ],
)
def test_what_was_done_is_not_advised_again(settings: QuantizationSettings, rule: str, advice: str) -> None:
    layer = made_up_layer(0, **CASES[rule][0])
    assert advice in suggestions_for(findings(layer, settings=settings))[1].advice


def test_a_scale_that_is_shared_is_no_matter_of_calibration() -> None:
    layer = made_up_layer(1, **CASES["unreached"][0], sharing=(-1, 0))
    hit = suggestions_for(findings(layer))[1]
    assert "the input, layer 0" in hit.finding
    assert "qat" in hit.advice


@pytest.mark.parametrize(
    ("lost", "n_clips", "is_loss"), [(0.006, 1000, True), (0.004, 1000, False), (0.1, 10, False), (0.2, 10, True)]
)
def test_a_loss_counts_from_half_a_point_and_two_clips(lost: float, n_clips: int, is_loss: bool) -> None:
    found = findings(made_up_layer(0), n_clips=n_clips)
    found = replace(found, of_int8=replace(found.of_int8, score=found.of_float.score - lost))
    assert rules(found) == ([("accuracy", None)] if is_loss else [("nothing", None)])
    if is_loss:
        assert "--quantize qat" in suggestions_for(found)[0].advice


@pytest.mark.parametrize(("op", "advice"), [("CONV_2D", "--quantize qat"), ("LOGISTIC", "differ more")])
def test_the_layer_that_brings_it_back_is_named(op: str, advice: str) -> None:
    sure = Kept(rank=1, score_gain=0.08, log_loss_gain=0.1, moved_gain=0.1, mended=20, broken=0, certain=True)
    found = findings(made_up_layer(0), made_up_layer(1, op=op, kept=sure))
    whole = suggestions_for(replace(found, of_int8=replace(found.of_int8, score=found.of_float.score - 0.1)))[0]
    assert "loses 10.0 points" in whole.finding and "layer 1 b1_relu" in whole.finding and "8.0" in whole.finding
    assert advice in whole.advice


def test_a_simulation_that_does_not_hold_is_told() -> None:
    bad = Fidelity(windows=200, mean_steps=2.0, max_steps=9.0, same_class=0.95)
    assert ("simulation", None) in rules(findings(agreement=bad))
    # two ties among a few golden clips say nothing
    few = Fidelity(windows=10, mean_steps=0.2, max_steps=1.0, same_class=0.8)
    assert rules(findings(agreement=few)) == [("nothing", None)]


def test_the_costliest_are_named_first_and_the_rest_are_counted() -> None:
    layers = [made_up_layer(index, fall_db=9.0, sqnr_db=20.0) for index in range(8)]
    turned = [replace(layer, kept=replace(layer.kept, rank=8 - number)) for number, layer in enumerate(layers)]
    found = suggestions_for(findings(*turned))
    assert [one.layer for one in found] == [None, 7, 6, 5, 4, 3]
    assert "3 more layers likewise" in found[-1].finding


class Links(HTMLParser):
    """Whatever a page points to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]


def shown(found: Inspection, width: int, **options: Any) -> str:
    stream = io.StringIO()
    show(found, Console(file=stream, width=width, **options))
    return stream.getvalue()


def long_names() -> Inspection:
    layers = [
        made_up_layer(index, name=f"b{index}_a_name_longer_than_any_table [red]", low=-12.34, lowest=-12.5)
        for index in range(98, 102)
    ]
    hit = Suggestion(rule="fall", layer=100, finding="it [bold]falls[/bold]", advice="do this")
    return made_up_inspection(*layers, suggestions=(hit,))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_tables_fit_the_terminal_and_keep_every_figure(width: int) -> None:
    text = shown(long_names(), width)
    assert max(map(len, text.splitlines())) <= width
    rows = [line for line in text.splitlines() if re.match(r" *(98|99|100|101)  b", line)]
    assert len(rows) == 8
    # only names may be cut
    for row in rows[:4]:
        assert all(cell in row for cell in ("-12.3 … 5.0", "-12.5 … 5.1", "-128", "0.00")), row
    for row in rows[4:]:
        assert all(cell in row for cell in ("40.0", "38.0", "1.0", "+0.0000", "+0.010")), row
    assert "it [bold]falls[/bold]" in " ".join(text.split()), "what is not ours is no markup"
    assert ("█" in text) == (width >= 100)


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made_up_inspection(made_up_layer(0, sqnr_alone_db=10.0))
    assert "\x1b[1;31m" in shown(found, 100, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in shown(found, 100, force_terminal=True)
    assert "31m" not in shown(found, 100, force_terminal=True)


def test_a_ranking_by_chance_says_so() -> None:
    sure = Kept(rank=1, score_gain=0.1, log_loss_gain=0.1, moved_gain=0.1, mended=20, broken=0, certain=True)
    assert "no difference in accuracy is beyond chance" in shown(made_up_inspection(), 120)
    assert "no difference" not in shown(made_up_inspection(made_up_layer(0, kept=sure)), 120)


def test_sparkline_shows_every_value_that_there_is() -> None:
    assert sparkline([1] + [0] * 62 + [10**6]) == "▁        █"
    assert sparkline([0] * 64) == " " * 10


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((-12.345, 0.0), "-12.3 … 0"),
        ((-0.00596, 0.0065), "-0.00596 … 0.00650"),
        ((0.0, 1234.5), "0 … 1234"),
        ((-3e7, 2.0), "-3.0e+07 … 2"),
        ((0.0, 0.0), "0 … 0"),
    ],
)
def test_ranges_in_words(ends: tuple[float, float], text: str) -> None:
    assert words.write_range(*ends) == text


def test_a_share_that_is_not_nothing_does_not_look_like_it() -> None:
    assert [words.write_percent(share) for share in (0.0, 1e-7, 0.0123, 0.5)] == ["0.00", "<0.01", "1.23", "50"]


def test_the_record_goes_through_json_and_back() -> None:
    found = replace(long_names(), layers=(made_up_layer(0, sqnr_alone_db=None), made_up_layer(100)))
    assert parse_record(Inspection, to_plain(found), where="here") == found


def test_the_page_needs_nothing_else_and_shows_names_as_they_are() -> None:
    odd = made_up_layer(0, name='<script src="x">&')
    page = render(made_up_inspection(odd, made_up_layer(1), suggestions=suggestions_for(findings(odd))))
    assert "<script" not in page
    assert "&lt;script" in page
    reader = Links()
    reader.feed(page)
    assert len(reader.found) > 6
    assert all(link.startswith("#") for link in reader.found), reader.found
    assert not re.search(r"url\((?!#)|@import", page)
    for text in ("ab" * 32, "0" * 16, "1" * 16, "min-max", "prefers-color-scheme: dark", "a note".capitalize()):
        assert text in page
    # noise, costs, and a histogram for each layer
    assert page.count("<svg") == 4
    assert page.count('role="img"') == page.count('aria-label="') - page.count('role="region"') - 1


def test_the_page_repeats_byte_for_byte() -> None:
    assert render(made_up_inspection()) == render(made_up_inspection())


def test_the_int8_range_is_drawn_where_it_is() -> None:
    wide = render(made_up_inspection(made_up_layer(0, lowest=-50.0, highest=50.0)))
    assert wide != render(made_up_inspection(made_up_layer(0)))


def test_where_no_page_can_be_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(AscKitError, match="is a folder"):
        check_target(tmp_path)
    with pytest.raises(AscKitError, match="there is no folder"):
        check_target(tmp_path / "missing" / "page.html")
    check_target(tmp_path / "page.html")
    write_page(made_up_inspection(), tmp_path / "page.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == [INVENTORY, "page.html"], "no temporary file is left"
    write_page(made_up_inspection(), tmp_path / "page.html")
    (tmp_path / "page.html").write_text("with a note of mine")
    with pytest.raises(AscKitError, match="page.html"):
        check_target(tmp_path / "page.html")


def test_help_is_fast_and_needs_no_tensorflow() -> None:
    script = (
        "import sys; from asc_kit.cli import cli; cli(['inspect', '--help'], standalone_mode=False); "
        "assert not {'tensorflow', 'matplotlib', 'numpy'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--reference" in done.stdout
