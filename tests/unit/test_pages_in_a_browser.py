"""Each page in a real browser, by the rules of axe-core: two widths, light and dark."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from inspection_case import made_up_inspection
from sample_result import host_result, sample_result

from asc_kit.device_runner import outlets
from asc_kit.device_runner.report import read_results, write_report
from asc_kit.export.inspection.page import render
from asc_kit.records.record import write_json
from asc_kit.result import BenchmarkResult

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = "axe-core@4.14.1"
RUN = """
addEventListener("load", () => axe.run({resultTypes: ["violations"]}).then(found => {
  const list = document.createElement("pre");
  list.id = "axe-result";
  const rows = found.violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 120))]);
  list.textContent = JSON.stringify(rows);
  document.body.append(list);
}));
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm, which fetches axe-core"),
]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    fetched = subprocess.run(["npm", "pack", AXE], cwd=folder, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch {AXE}: {fetched.stderr.strip()[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def report_of(folder: Path, *results: BenchmarkResult) -> str:
    paths = [folder / f"{number}.json" for number in range(len(results))]
    for path, result in zip(paths, results, strict=True):
        write_json(path, result)
    return write_report(read_results(paths), folder / "report")[0].read_text()


def page(name: str, folder: Path) -> str:
    if name == "live":
        # no server behind it: the page before the first window
        return (Path(outlets.__file__).parent / "templates" / "live.html").read_text()
    if name == "inspect":
        return render(made_up_inspection())
    if name == "tags":
        return report_of(folder, sample_result(task="multi_label"))
    if name == "wrong":
        first = sample_result(1)
        return report_of(folder, replace(first, bit_identical=0, feature_lsb_max=9, partial=True, split_clips=500))
    return report_of(folder, sample_result(1), sample_result(2, mode="features"), host_result(3))


def violations(text: str, axe: str, folder: Path, *options: str) -> list[tuple[str, str, list[str]]]:
    """Open a page with axe-core in it, and return what axe finds."""
    script = axe.replace("</script>", "<\\/script>")
    path = folder / "page.html"
    path.write_text(text.replace("</body>", f"<script>{script}</script><script>{RUN}</script></body>"))
    shown = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
            "--virtual-time-budget=30000", *options, "--dump-dom", path.as_uri(),
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip
    result = re.search(r'<pre id="axe-result">(.*?)</pre>', shown.stdout, re.DOTALL)
    assert result is not None, shown.stderr[-2000:]
    return [tuple(each) for each in json.loads(html.unescape(result[1]))]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["report", "tags", "wrong", "inspect", "live"])
def test_axe_finds_nothing(name: str, width: int, dark: bool, axe: str, tmp_path: Path) -> None:
    options = [f"--window-size={width},900", *(["--blink-settings=preferredColorScheme=0"] if dark else [])]
    assert violations(page(name, tmp_path), axe, tmp_path, *options) == []


def test_axe_finds_a_picture_without_words(axe: str, tmp_path: Path) -> None:
    broken = page("report", tmp_path).replace(' role="img" aria-label="', ' role="img" data-label="', 1)
    assert "role-img-alt" in [rule for rule, _, _ in violations(broken, axe, tmp_path, "--window-size=1280,900")]
