"""The python examples of the sanitizer's rules are run: a bad one gives its code and no other, a good one nothing."""

import ast
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.checks import close_accounts
from nova_async.mm import Gpu
from nova_async.mm.pramin import PraminWindow
from nova_async.rules import Example, rule
from nova_async.scenario import World

EXAMPLES = [
    pytest.param(code, example, id=f"{code}-{'good' if example.good else 'bad'}")
    for code in ("NOVA301", "NOVA302", "NOVA303", "NOVA304", "NOVA305", "NOVA306", "NOVA308")
    for example in rule(code).examples
]


async def names_for(code: str, gpu: Gpu) -> dict[str, Any]:
    """What an example may use: a device, and where the rule is about mappings, one of each kind."""
    names: dict[str, Any] = {"gpu": gpu, "anyio": anyio}
    if code not in ("NOVA301", "NOVA302", "NOVA303"):
        return names
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="me")
    page = await gpu.mm.alloc_vram(PAGE_SIZE, owner="me")
    frames = [VramAddress(page.address).frame()]
    vmm = gpu.bar_user.vmm
    if code == "NOVA303":
        access = await gpu.bar_user.map(frames, writable=True, owner="me")
        entry = access._mapped.path.leaves[0].pte_addr
        return names | {"access": access, "entry": entry, "pdb": vmm.pdb_addr, "tables": lambda: tables(gpu)}
    vmm = gpu.vmm(VramAddress(root.address), 16 * PAGE_SIZE, name="vmm", owner="me")
    return names | {"vmm": vmm, "page": page, "mapped": await vmm.map_pages(frames, writable=True)}


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
    assert sorted({finding.code for finding in (*findings, *world.findings)}) == ([] if example.good else [code])
