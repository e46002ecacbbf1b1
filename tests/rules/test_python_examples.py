"""The python examples of the sanitizer's rules are run: a bad one gives its code and no other, a good one nothing."""

import ast
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.checks import close_accounts
from nova_async.clients.forcing import silent_tlb
from nova_async.errors import EINVAL, EPERM, ETIMEDOUT, Errno
from nova_async.findings import SLUGS
from nova_async.mm import Gpu
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.published import Vmm as PublishedVmm
from nova_async.rules import Example, rule
from nova_async.scenario import World

CODES = [code for code in SLUGS if code.startswith("NOVA3")] + ["NOVA402"]
EXAMPLES = [
    pytest.param(code, example, id=f"{code}-{'good' if example.good else 'bad'}")
    for code in CODES
    for example in rule(code).examples
]
THROUGH_BAR1 = ("NOVA303", "NOVA312")
"""Rules whose examples work with a mapping of BAR1."""
NAMES = {
    "anyio": anyio,
    "suppress": suppress,
    "silent_tlb": silent_tlb,
    "PublishedVmm": PublishedVmm,
    "Errno": Errno,
    "EINVAL": EINVAL,
    "EPERM": EPERM,
    "ETIMEDOUT": ETIMEDOUT,
}


async def names_for(code: str, gpu: Gpu) -> dict[str, Any]:
    """What an example may use: a device, and a mapping of the kind that the rule is about."""
    names: dict[str, Any] = NAMES | {"gpu": gpu, "do_nothing": do_nothing}
    if code == "NOVA305":
        return names  # its examples are about all that is left at the end
    page = await gpu.mm.alloc_vram(PAGE_SIZE, owner="me")
    names |= {"page": page, "frames": [VramAddress(page.address).frame()]}
    if code in THROUGH_BAR1:
        return names | await with_bar1(gpu, names)
    return names | await with_spaces(gpu, code, names)


async def with_bar1(gpu: Gpu, names: dict[str, Any]) -> dict[str, Any]:
    access = await gpu.bar_user.map(names["frames"], writable=True, owner="me")
    entry = access._mapped.path.leaves[0].pte_addr
    pdb = gpu.bar_user.vmm.pdb_addr
    return {"access": access, "entry": entry, "pdb": pdb, "tables": lambda: tables(gpu)}


async def with_spaces(gpu: Gpu, code: str, names: dict[str, Any]) -> dict[str, Any]:
    """One of ours, one of the published code, and one mapping in ours, live or pending."""
    roots = [VramAddress((await gpu.mm.alloc_vram(PAGE_SIZE, owner="me")).address) for _ in range(2)]
    theirs = await gpu.mm.alloc_vram(PAGE_SIZE, owner="guest")
    version = gpu.chipset.mmu_version
    vmm = gpu.vmm(roots[0], 16 * PAGE_SIZE, name="vmm", owner="me")
    names = {
        "vmm": vmm,
        "published": PublishedVmm(gpu.mm, roots[1], version, 16 * PAGE_SIZE, name="published", owner="me"),
        "theirs": [VramAddress(theirs.address).frame()],
        "version": version,
        "bar1_root": gpu.bar_user.vmm.pdb_addr,
        "fence": gpu.kernel.fence("ring:1"),
        "frames": names["frames"],
    }
    if code in ("NOVA301", "NOVA302", "NOVA310"):
        return names | {"mapped": await vmm.map_pages(names["frames"], writable=True)}
    return names | {"prepared": await vmm.prepare_map(1)}


async def do_nothing(*_args: object) -> None:
    """What was forgotten."""


@asynccontextmanager
async def tables(gpu: Gpu) -> AsyncIterator[PraminWindow]:
    """The window, with every lock that the tables of BAR1 need."""
    async with gpu.bar_user.vmm._window() as (_, window):
        yield window


async def play(example: Example, names: dict[str, Any]) -> None:
    code = compile(example.text, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)  # noqa: S307  the text is ours
    if inspect.isawaitable(result):
        await result


@pytest.mark.parametrize(("code", "example"), EXAMPLES)
async def test_a_bad_example_gives_its_code_and_no_other_and_a_good_one_nothing(
    anyio_backend: str, code: str, example: Example
) -> None:
    world = World(scenario="example", seed=0, backend=anyio_backend)
    gpu = await world.boot(vram="8MiB")
    await play(example, await names_for(code, gpu))
    findings = await close_accounts(gpu) if code == "NOVA305" else []
    gpu.kernel.lockdep.settle_fences()
    assert sorted({finding.code for finding in (*findings, *world.findings)}) == ([] if example.good else [code])
