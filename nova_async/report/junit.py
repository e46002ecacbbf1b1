"""JUnit XML: a suite for each scenario file, a test case for each scenario and the way it was asked.

It has no times: they would make two runs of one seed different, and every consumer lives without them.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from nova_async.report.case import Case, Verdict, by_file

_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def junit_xml(cases: Sequence[Case]) -> str:
    """The whole file."""
    root = ET.Element("testsuites", {"name": "nova-async", **_counts(cases)})
    for file, group in by_file(cases).items():
        suite = ET.SubElement(root, "testsuite", {"name": _clean(file), **_counts(group)})
        for case in group:
            _add(suite, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    names = {"failures": Verdict.FAILED, "errors": Verdict.ERROR, "skipped": Verdict.SKIPPED}
    counts = {name: str(sum(case.verdict is verdict for case in cases)) for name, verdict in names.items()}
    return {"tests": str(len(cases)), **counts}


def _add(suite: ET.Element, case: Case) -> None:
    classname = case.file.removesuffix(".py").strip("./").replace("/", ".")
    element = ET.SubElement(suite, "testcase", {"classname": _clean(classname), "name": _clean(case.name)})
    if case.properties:
        properties = ET.SubElement(element, "properties")
        for name, value in case.properties.items():
            ET.SubElement(properties, "property", {"name": f"nova.{name}", "value": _clean(value)})
    if case.verdict is Verdict.SKIPPED:
        ET.SubElement(element, "skipped", {"message": _clean(case.said)})
    elif not case.passed:
        tag = "error" if case.verdict is Verdict.ERROR else "failure"
        result = ET.SubElement(element, tag, {"message": _clean(_message(case)), "type": _type(case)})
        result.text = _clean(case.details)


def _type(case: Case) -> str:
    if case.verdict is Verdict.ERROR:
        return _clean(case.errors[0].partition(":")[0])
    return " ".join(case.codes)


def _message(case: Case) -> str:
    """What is wrong in a line: the first thing that a reader should know."""
    if case.errors:
        return case.errors[0]
    if case.unexpected:
        first = case.unexpected[0]
        return f"{first.code} {first.slug}: {first.message}"
    return case.said


def _clean(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
