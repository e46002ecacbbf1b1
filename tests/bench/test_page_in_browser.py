"""The page of ``bench --html`` in a real browser, whose DOM is looked at after the scripts have run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nova_async.bench.figure import Figure, Report
from nova_async.bench.plot import page
from nova_async.bench.show import document

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome")


def dom_of(path: Path) -> str:
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("no browser: apt-get install chromium")
    flags = ["--headless", "--disable-gpu", "--no-sandbox", f"--user-data-dir={path.parent / 'profile'}", "--dump-dom"]
    command = [browser, *flags, path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603


def test_every_chart_is_drawn_and_its_legend_has_the_exponent(tmp_path: Path) -> None:
    sizes, units = (1, 10, 100), ("s", "MMIO")
    figures = [Figure("ours <i>", size, unit, size**2, 0.5, 3) for size in sizes for unit in units]
    path = tmp_path / "page.html"
    path.write_text(page(document([Report("toy", tuple(figures))])), encoding="utf-8")
    dom = dom_of(path)
    assert dom.count("<canvas") == 2
    assert "ours &lt;i&gt;: size^2.00" in dom
    assert [unit in dom for unit in ("toy: s", "toy: MMIO")] == [True, True]
