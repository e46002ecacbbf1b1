"""Where in the source a finding belongs, for reports that mark files."""

from collections.abc import Iterator

from nova_async.findings import Finding, Site


def sites_of(finding: Finding) -> Iterator[Site]:
    """Every place of a finding, the one where it happened first, each once."""
    yield from dict.fromkeys(site for witness in (*finding.chain, *reversed(finding.held)) for site in witness.sites)


def place_of(finding: Finding) -> Site | None:
    """The place where it happened, if that is known."""
    return next(sites_of(finding), None)
