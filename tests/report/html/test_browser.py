"""The HTML page in a real browser: Debian's chromium with its driver, or whichever Chrome selenium is told of."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nova_async.events import Recorder
from nova_async.explore.result import Failure, Result
from nova_async.explore.schedule import Schedule, Step
from nova_async.findings import Finding
from nova_async.report.case import Case, Verdict
from nova_async.report.html import html_report
from nova_async.report.html.timeline import Steps
from nova_async.report.html.timeline import step_of as document_step
from nova_async.scenario import runner
from nova_async.scenario.discovery import discover
from nova_async.scenario.parameters import values_for

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><b>bold</b>"
WIDTH, HEIGHT = 1280, 900


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install selenium")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    browser, chromedriver = chromium(), shutil.which("chromedriver")
    if browser is None or chromedriver is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # chromium has no sandbox for root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=service.Service(chromedriver))
    yield driver
    driver.quit()


def lived(target: str) -> Case:
    """A scenario of the repository, run and recorded."""
    name = target.rpartition("::")[2]
    [scenario] = discover([str(ROOT / "scenarios" / target)])
    values = values_for(name, scenario.parameters, {})
    case = Case.of(runner.run(scenario, values, lockdep=runner.timed, record=Recorder()))
    return replace(case, scenario=replace(scenario, file=f"scenarios/{target.partition('::')[0]}"))


@pytest.fixture(scope="module")
def cycle() -> Case:
    return lived("one_lock_for_both_phases.py::one_lock_for_both_phases")


@pytest.fixture(scope="module")
def tables() -> Case:
    return lived("hazards/foreign_frames.py::foreign_frames")


Show = Callable[..., Any]


@pytest.fixture
def show(driver: Any, tmp_path: Path) -> Iterator[Show]:
    """Opens the page of some cases; afterwards the console must be empty."""

    def opened(*cases: Case, dark: bool = False, width: int = WIDTH) -> Any:
        path = tmp_path / "report.html"
        path.write_text(html_report(cases), encoding="utf-8")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(path.as_uri())
        page = Opened(driver)
        page.settle()
        return page

    yield opened
    assert driver.get_log("browser") == []


DRAWN = """
const done = arguments[0];
const hidden = (each) => getComputedStyle(each).visibility === "hidden";
const wait = () => [...document.querySelectorAll(".vis-timeline")].some(hidden);
const look = () => (wait() ? requestAnimationFrame(look) : done());
requestAnimationFrame(() => requestAnimationFrame(look));
"""
"""vis-timeline stays hidden until it has laid everything out."""


class Opened:
    """A page that is open."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def shown(self, selector: str) -> None:
        """Wait for the timeline to have moved there."""
        wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(self.driver, 20)
        wait.until(lambda _driver: self.one(selector).is_displayed())

    def press(self, key: str, selector: str = "body") -> None:
        self.one(selector).send_keys(key)

    def click(self, selector: str) -> None:
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.one(selector))
        self.one(selector).click()
        self.settle()

    @property
    def step(self) -> int:
        return int(self.one(".step-number").text.split()[1])

    def settle(self) -> None:
        """Wait until the browser has drawn what was asked for."""
        self.driver.execute_async_script(DRAWN)


def step_of(case: Case, code: str) -> int:
    """The step at which the first finding of a rule was made."""
    assert case.events is not None
    finding = next(each for each in case.findings if each.code == code)
    step = document_step(finding, Steps.of(case.events))
    assert step is not None
    return step


def test_the_verdict_the_finding_and_its_cycle_are_on_the_page(show: Show, cycle: Case) -> None:
    page = show(cycle)
    assert page.one("h1").text.endswith("1 scenario met the expectation")
    assert "NOVA203" in page.one(".card h4").text
    assert page.one(".cycle-text").text == (
        "NOVA203, a cycle: dma_fence → whole_vmm → fs_reclaim → mmu_notifier → dma_fence"
    )
    assert len(page.all(".graph canvas")) == 3  # cytoscape has drawn


def test_an_arrow_chosen_in_the_table_tells_its_first_witness(show: Show, cycle: Case) -> None:
    page = show(cycle)
    page.click("details.edges > summary")
    button = next(each for each in page.all("details.edges button") if each.text == "dma_fence → whole_vmm")
    button.click()
    said = page.one(".graph-details").text
    assert said.startswith("dma_fence → whole_vmm: first by one-lock run at scenarios/one_lock_for_both_phases.py:")


def test_a_page_begins_at_the_step_of_the_first_finding(show: Show, cycle: Case) -> None:
    page = show(cycle)
    assert page.step == step_of(cycle, "NOVA203") + 1
    assert "breaks rule NOVA203" in page.one(".now-sentence").text
    page.shown(".vis-item.at-step")


def test_keys_step_through_the_schedule(show: Show, cycle: Case) -> None:
    page = show(cycle)
    begin = page.step
    page.press("\ue014")  # right
    assert page.step == begin + 1
    page.press("\ue012")  # left
    page.press("\ue012")
    assert page.step == begin - 1
    page.press("\ue011")  # home
    assert page.step == 1
    page.press("\ue010")  # end
    assert page.one(".step-number").text == f"step {page.step} of {page.step}"


def test_every_control_can_be_reached_and_used_with_the_keyboard(show: Show, cycle: Case) -> None:
    page = show(cycle)
    page.press("\ue011")
    page.press("\ue014", ".step-slider")  # the slider moves by itself, and only once
    assert page.step == 2
    page.press("\ue007", "[aria-label^='One step forward']")
    assert page.step == 3


def test_a_click_on_a_cell_of_the_timeline_goes_to_its_step(show: Show, cycle: Case) -> None:
    page = show(cycle)
    begin = page.step
    page.click(f".vis-item.step-{begin + 2}")
    assert page.step == begin + 3


def test_the_panel_below_says_who_holds_what_at_the_step(show: Show, cycle: Case) -> None:
    page = show(cycle)
    page.press("\ue014")
    held = page.one(".now-held").text
    assert "whole_vmm" in held
    assert "one-lock run" in held


def test_the_way_of_an_address_is_followed_to_the_frame_and_its_owner(show: Show, tables: Case) -> None:
    page = show(tables)
    page.press("\ue011")
    assert len(page.all(".level")) == 1  # the root is empty at the begin
    page.press("\ue010")
    finding = next(each for each in page.all(".card") if "NOVA301" in each.text)
    page.driver.execute_script("arguments[0].click()", finding.find_element("css selector", ".to-step"))
    assert page.step == step_of(tables, "NOVA301") + 1
    names = [each.text for each in page.all(".level strong")]
    assert [name.partition("[")[0] for name in names] == ["PD3", "PD2", "PD1", "PD0", "PT"]
    assert "maps" in page.all(".level")[-1].text


def test_an_address_that_is_none_is_marked(show: Show, tables: Case) -> None:
    page = show(tables)
    field = page.one("input.address")
    field.clear()
    field.send_keys("nowhere")
    assert field.get_attribute("aria-invalid") == "true"
    field.clear()
    field.send_keys("0x1ffffffffffff")
    assert page.one(".level strong").text == "PD3[3]"


def test_several_scenarios_are_a_list_that_opens(show: Show, cycle: Case, tables: Case) -> None:
    page = show(cycle, tables)
    assert len(page.all("details.scenario")) == 2
    assert page.all("details.scenario[open]") == []
    page.click("details.scenario:nth-of-type(2) > summary")
    page.settle()
    assert page.all(".timeline .vis-item") != []


def test_what_a_finding_says_is_text_wherever_it_is_shown(show: Show, cycle: Case, finding: Finding) -> None:
    assert cycle.events is not None
    events = tuple(
        replace(event, detail={"message": HOSTILE})
        if event.kind == "finding"
        else replace(event, resource=HOSTILE if event.resource == "whole_vmm" else event.resource)
        for event in cycle.events.events
    )
    hostile = replace(finding, code="NOVA203", message=HOSTILE, columns=((HOSTILE, HOSTILE),), advice=HOSTILE)
    case = replace(cycle, findings=(hostile,), said=HOSTILE, events=replace(cycle.events, events=events))
    page = show(case)
    assert HOSTILE in page.one(".now-sentence").text
    page.press("\ue014")
    assert HOSTILE in page.one(".now-held").text
    assert page.driver.title != "owned"
    assert page.all("img, .timeline .vis-item b + b, .timeline .vis-label b") == []
    assert HOSTILE in page.one(".card .message").text


def test_an_exploration_tells_what_it_covered_and_the_failing_order(show: Show, cycle: Case) -> None:
    steps = (Step("a", ("a", "b"), "acquire pramin"), Step("b", ("a", "b"), "acquire tlb"))
    failure = Failure("nobody can go on", Schedule(steps), count=3)
    result = Result(
        complete=False,
        executions=12,
        states=34,
        steps=56,
        elapsed=0.7,
        failures=(failure,),
        outcomes={"returned": 9, "deadlock": 3},
        incomplete_because=("--max-executions 12 was reached",),
    )
    page = show(replace(cycle, exploration=result, events=None))
    part = page.one("[id$=-exploration]")
    assert "Not every order was covered: --max-executions 12 was reached." in part.text
    assert "3 (25 %)" in part.text
    part.find_element("css selector", "summary").click()
    assert "2 steps, 1 preemption, seen in 3 executions" in part.text
    assert page.all("[id$=-timeline], [id$=-memory]") == []


def test_a_scenario_that_broke_shows_its_traceback_and_one_that_did_not_run_says_why(show: Show, cycle: Case) -> None:
    broken = replace(cycle, verdict=Verdict.ERROR, errors=("TypeError: x",), traceback="Traceback: here")
    page = show(broken, Case.not_run(cycle.scenario, "asyncio", "interrupted"))
    assert page.one("h1").text.endswith("1 of 2 scenarios did not meet the expectation, 1 not run")
    assert page.one(".card.bad li").text == "TypeError: x"
    assert [each.text for each in page.all("summary .mark")] == ["✗ error", "○ not run"]
    page.click("details.scenario:nth-of-type(2) > summary")
    assert "interrupted" in page.one("details.scenario:nth-of-type(2) .facts").text


@pytest.mark.parametrize(("width", "dark"), [(390, False), (WIDTH, True)])
def test_a_page_is_never_wider_than_the_window(
    show: Show, cycle: Case, tables: Case, width: int, *, dark: bool
) -> None:
    page = show(cycle, tables, dark=dark, width=width)
    for summary in page.all("details.scenario > summary"):
        summary.click()
    page.settle()
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width


CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (text) => rgb(text).slice(0, 3).map((value) => value / 255)
  .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
const behind = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if ((rgb(colour)[3] ?? 1) > 0) return colour;
  }
};
return [...document.querySelectorAll("body *")].filter((element) => element.offsetParent !== null
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
  .map((element) => {
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    return [(one + 0.05) / (other + 0.05), element.className, element.textContent.slice(0, 40)];
  }).filter(([ratio]) => ratio < 4.5);
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_that_wcag_asks_for(show: Show, cycle: Case, *, dark: bool) -> None:
    page = show(cycle, dark=dark)
    page.settle()
    assert page.driver.execute_script(CONTRAST) == []


PICTURES = {
    "overview": ("cycle", "document.body"),
    "graph": ("cycle", "document.querySelector('[id$=-graph]')"),
    "schedule": ("cycle", "document.querySelector('[id$=-timeline]')"),
    "memory": ("tables", "document.querySelector('[id$=-memory]')"),
}


@pytest.mark.skipif("NOVA_UPDATE_SCREENSHOTS" not in os.environ, reason="NOVA_UPDATE_SCREENSHOTS is not set")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", PICTURES)
def test_screenshots_for_the_documentation(
    show: Show, request: pytest.FixtureRequest, name: str, *, dark: bool
) -> None:
    case, place = PICTURES[name]
    page = show(request.getfixturevalue(case), dark=dark)
    page.driver.execute_script(f"{place}.scrollIntoView()")
    if name == "memory":
        page.driver.execute_script("[...document.querySelectorAll('.to-step')].at(-1).click()")
        page.driver.execute_script(f"{place}.scrollIntoView()")
    page.settle()
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"report-{name}-{'dark' if dark else 'light'}.png"
    page.driver.save_screenshot(str(path))
    assert path.stat().st_size < 300_000
