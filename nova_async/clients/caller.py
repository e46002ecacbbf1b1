"""Callers of the memory manager that may be killed at any point, and give back all they have.

A scenario's own code runs in its root task, which nobody kills and which must not fail. What it does to a client's life
is asked of a client: a :class:`Caller`. Whatever it takes, it takes for the length of an ``async with``, whose end is
shielded and tries again where the device does not answer.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import anyio

from nova_async.address import Pfn, VramAddress
from nova_async.clients.bind_jobs import BindJob
from nova_async.clients.crew import Crew
from nova_async.clients.vm import Vm
from nova_async.kernel import DmaFence
from nova_async.mm import BarAccess, Gpu, MappedRange, PreparedMapping, Vmm
from nova_async.mm.mapping import Stage
from nova_async.mm.surely import surely


class HasClients(Protocol):
    """A world, as far as it is needed here."""

    def clients(self) -> AbstractAsyncContextManager[Crew]:
        """Start clients in the block; it ends when all of them have."""
        ...


W = TypeVar("W", bound=HasClients)
P = ParamSpec("P")


@dataclass(slots=True)
class Caller:
    """Somebody who does one thing.

    Attributes:
        name: for reports.
        does: what it does; leaves nothing behind, also when cancelled.
    """

    name: str
    does: Callable[[], Awaitable[None]]

    async def run(self) -> None:
        """Do it."""
        await self.does()


def one_caller(body: Callable[Concatenate[W, P], Awaitable[None]]) -> Callable[Concatenate[W, P], Awaitable[None]]:
    """Let a client do what a scenario says, so that kills and failures reach it.

    ::

        @scenario(expect=CLEAN)
        @one_caller
        async def abort_after_prepare(world: World) -> None:
    """

    @wraps(body)
    async def start(world: W, /, *args: P.args, **kwargs: P.kwargs) -> None:
        async def run() -> None:
            await body(world, *args, **kwargs)

        async with world.clients() as clients:
            clients.start(Caller("caller", run))

    return start


@asynccontextmanager
async def closing(vmm: Vmm) -> AsyncIterator[Vmm]:
    """An address space on a root that is there anyway; closed at the end of the block."""
    try:
        yield vmm
    finally:
        await surely(vmm.close)


def on_root(gpu: Gpu, root: VramAddress, size: int) -> AbstractAsyncContextManager[Vmm]:
    """The address space ``vm`` on a root that firmware has made.

    Args:
        gpu: whose.
        root: where it is.
        size: how many bytes of addresses it offers.
    """
    return closing(gpu.vmm(root, size, name="vm", owner="vm"))


@asynccontextmanager
async def preparing(vmm: Vmm, pages: int, addresses: range | None = None) -> AsyncIterator[PreparedMapping]:
    """A prepared mapping, aborted at the end of the block if it was not executed or aborted by then."""
    prepared = await vmm.prepare_map(pages, addresses)
    try:
        yield prepared
    finally:
        if prepared.stage is not Stage.GONE:
            await surely(partial(vmm.abort, prepared))


@asynccontextmanager
async def executing(prepared: PreparedMapping, frames: Sequence[Pfn]) -> AsyncIterator[MappedRange]:
    """The range that a prepared mapping becomes, unmapped at the end of the block if it was not by then."""
    async with _unmapping(await prepared.vmm.execute_map(prepared, frames, writable=True)) as mapped:
        yield mapped


@asynccontextmanager
async def mapping(vmm: Vmm, frames: Sequence[Pfn], addresses: range | None = None) -> AsyncIterator[MappedRange]:
    """A mapped range, unmapped at the end of the block if it was not by then."""
    async with _unmapping(await vmm.map_pages(frames, addresses, writable=True)) as mapped:
        yield mapped


@asynccontextmanager
async def _unmapping(mapped: MappedRange) -> AsyncIterator[MappedRange]:
    try:
        yield mapped
    finally:
        if mapped.stage is not Stage.GONE:
            await surely(partial(mapped.vmm.unmap_pages, mapped))


@asynccontextmanager
async def bar1_mapping(gpu: Gpu, frames: Sequence[Pfn], owner: str) -> AsyncIterator[BarAccess]:
    """Frames in the aperture, for the length of the block."""
    access = await gpu.bar_user.map(frames, writable=True, owner=owner)
    try:
        yield access
    finally:
        await surely(access.unmap)


@asynccontextmanager
async def binding(
    vm: Vm, frames: Sequence[Pfn], owner: str, after: Sequence[DmaFence] = ()
) -> AsyncIterator[tuple[BindJob, DmaFence]]:
    """A bind that was submitted, and its fence; bound or not, it is unbound at the end of the block."""
    job, bound = await vm.bind(frames, owner=owner, after=after)
    try:
        yield job, bound
    finally:
        with anyio.CancelScope(shield=True):
            await bound.wait()
            if job.mapped is not None:
                await (await vm.unbind(job.mapped)).wait()
