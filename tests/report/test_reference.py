import re
from pathlib import Path

import pytest

import nova_async
from nova_async.findings import SLUGS
from nova_async.mm.lock_order import LOCK_ORDER
from nova_async.report.reference import main, pages
from nova_async.rules import rule

FOLDER = Path(nova_async.__file__).parent.parent / "docs" / "reference"


@pytest.mark.parametrize("name", pages())
def test_the_reference_is_fresh(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"


def test_the_reference_holds_no_page_that_is_made_no_more() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


def test_every_code_has_a_row_with_its_rule_and_a_link_that_leads_there() -> None:
    page = pages()["rules.md"]
    rows = re.findall(r"^\| \[(NOVA\d+)\]\((\S+)\) \| `(\S+)` \| (.+) \|$", page, re.MULTILINE)
    assert [code for code, *_ in rows] == list(SLUGS)
    for code, link, slug, summary in rows:
        assert (FOLDER / link).is_file()
        assert (slug, summary) == (SLUGS[code], rule(code).summary)


def test_every_lock_has_a_row_in_acquisition_order() -> None:
    rows = re.findall(r"^\| \d+ \| (\w+) \|", pages()["locks.md"], re.MULTILINE)
    assert rows == [row.name for row in LOCK_ORDER]


def test_making_the_pages_writes_them_all(tmp_path: Path) -> None:
    main(str(tmp_path / "reference"))
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "reference").iterdir()}
    assert written == pages()
