"""The closing of the accounts: at the end everything is back where it came from, or a finding says what is not."""

from nova_async.address import PAGE_SIZE
from nova_async.errors import Errno
from nova_async.findings import Finding, Severity
from nova_async.mm import Gpu, Vmm


async def close_accounts(gpu: Gpu) -> list[Finding]:
    """Close BAR1, free what waits to be freed, and compare with the state at probe.

    Returns:
        A NOVA305 for each owner of lost VRAM and each address space with lost ranges or pending mappings, and one if
        the sum does not come out: free pages and owned pages are all there are (hazards.md I8).
    """
    findings = await _settle(gpu)
    owned = gpu.mm.owners.by_owner()
    for owner, pages in owned.items():
        findings.append(_lost(f"{pages} VRAM pages of {owner} were never freed", owner))
    for vmm in gpu.address_spaces:
        findings += await _address_space(vmm)
    free, total = await gpu.mm.buddy.avail() // PAGE_SIZE, len(gpu.mm.usable) // PAGE_SIZE
    if free + sum(owned.values()) != total:
        said = f"{free} VRAM pages are free and {sum(owned.values())} are somebody's; there are {total}"
        findings.append(_lost(said, "vram"))
    return findings


async def _settle(gpu: Gpu) -> list[Finding]:
    try:
        await gpu.bar_user.vmm.close()
        await gpu.mm.deferred.drain()
    except Errno as error:
        return [_lost(f"the accounts of the device could not be closed: {error}", "device")]
    return []


async def _address_space(vmm: Vmm) -> list[Finding]:
    findings = []
    mappings, lost = await vmm.outstanding()
    if mappings:
        findings.append(_lost(f"{vmm.name}: {mappings} mappings are pending or live", vmm.name, "mappings"))
    if lost:
        findings.append(_lost(f"{vmm.name}: {lost:#x} bytes of addresses were never freed", vmm.name, "addresses"))
    return findings


def _lost(message: str, *what: str) -> Finding:
    return Finding(
        "NOVA305",
        Severity.PROVED,
        message,
        key=("NOVA305", *what),
        advice="whoever took it must give it back on every path, cancellation included",
    )
