import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nova_async.findings import Finding
from nova_async.report import html
from nova_async.report.case import Case
from nova_async.report.html import html_report
from nova_async.report.html.render import LICENCES, SCRIPTS, VENDOR_SCRIPTS, VENDOR_STYLES, island

FOLDER = Path(html.__file__).parent
HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> &amp; \u2028 ]]> ${title} $title"


class Page(HTMLParser):
    """Every element of a page with its attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open, data))


@pytest.fixture
def hostile(case: Case, finding: Finding) -> Case:
    bad = replace(finding, message=HOSTILE, tasks=(HOSTILE,), advice=HOSTILE, columns=((HOSTILE, HOSTILE),))
    return replace(case, findings=(bad,), errors=(HOSTILE,), said=HOSTILE, variant=HOSTILE)


def island_of(text: str) -> object:
    match = re.search(r'<script id="nova-document" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def test_nothing_in_a_document_can_leave_its_island(hostile: Case, case: Case) -> None:
    tags = [[tag for tag, _ in Page(html_report([each])).elements] for each in (hostile, case)]
    assert tags[0] == tags[1]


def test_what_is_in_the_island_is_the_document(hostile: Case) -> None:
    assert island_of(html_report([hostile])) == json.loads(json.dumps(html.report_document([hostile])))


@pytest.mark.parametrize("text", ["<", ">", "&", "</script>", "<!--", "\u2028"])
def test_an_island_has_no_character_that_html_or_javascript_could_take_for_its_own(text: str) -> None:
    written = island({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert text not in written


def test_a_page_loads_nothing(case: Case) -> None:
    page = Page(html_report([case]))
    loads = {"src", "href", "srcset", "data", "poster", "action", "background"}
    loaded = [value for _, attributes in page.elements for name, value in attributes.items() if name in loads]
    assert loaded == ["#scenarios"]
    styles = "".join(text for tag, text in page.texts if tag == "style")
    assert re.findall(r"@import|url\(", styles) == []


def test_a_page_forbids_the_browser_to_load_anything(case: Case) -> None:
    [policy] = [
        attributes["content"]
        for tag, attributes in Page(html_report([case])).elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_our_scripts_ask_for_nothing() -> None:
    ours = "".join((FOLDER / "assets" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    assert re.findall(r"https?:|fetch\(|XMLHttpRequest|import\(|innerHTML\s*=|eval\(", ours) == []


def test_two_pages_of_one_run_are_the_same_bytes(case: Case) -> None:
    assert html_report([case]) == html_report([replace(case)])


def test_every_script_of_ours_is_in_the_page() -> None:
    assert {path.name for path in (FOLDER / "assets").glob("*.js")} == set(SCRIPTS)


def test_the_libraries_are_there_with_their_licences_and_nothing_else() -> None:
    named = {*VENDOR_SCRIPTS, *VENDOR_STYLES, *LICENCES, "README.md"}
    assert {path.name for path in (FOLDER / "vendor").iterdir()} == named
    readme = (FOLDER / "vendor" / "README.md").read_text(encoding="utf-8")
    assert [name for name in named - {"README.md"} if f"`{name}`" not in readme] == []


def test_the_licences_are_in_the_page(case: Case) -> None:
    text = html_report([case])
    for holder in ("Almende B.V. and contributors", "The Cytoscape Consortium", "Chris Pettitt"):
        assert holder in text


def test_the_libraries_stay_small_and_look_for_no_source_maps() -> None:
    files = [path for path in (FOLDER / "vendor").iterdir() if path.suffix in {".js", ".css"}]
    assert sum(path.stat().st_size for path in files) < 1_500_000
    assert [path.name for path in files if "sourceMappingURL" in path.read_text(encoding="utf-8")] == []


def test_no_script_can_end_its_own_element() -> None:
    scripts = [*(FOLDER / "vendor").glob("*.js"), *(FOLDER / "assets").glob("*.js")]
    bad = re.compile(r"</script|<script|<!--", re.IGNORECASE)
    assert [path.name for path in scripts if bad.search(path.read_text(encoding="utf-8"))] == []
