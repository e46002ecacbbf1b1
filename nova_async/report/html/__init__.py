"""The HTML report: one self-contained file.

::

    document     what the page shows, as plain data (timeline, memory, lock_graph: its parts)
    render       the page: document, template, our scripts, the libraries of vendor/
    assets/      our template, styles and scripts, one file for each view
    vendor/      libraries for graphs and timelines, with their licences
"""

from collections.abc import Sequence

from nova_async.report.case import Case
from nova_async.report.html.document import report_document
from nova_async.report.html.render import page

__all__ = ["html_report", "page", "report_document"]


def html_report(cases: Sequence[Case]) -> str:
    """The page of these scenarios."""
    return page(report_document(cases))
