"""The work of VM_BIND: what its queues run (hardware.md 7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nova_async.address import Pfn
from nova_async.errors import ECANCELED, EIO, ENODEV, ETIMEDOUT, Errno
from nova_async.kernel import Ban
from nova_async.mm import Gpu, MappedRange, PreparedMapping, Vmm
from nova_async.mm.mapping import Stage
from nova_async.mm.surely import TRIES, surely


@dataclass(slots=True)
class BindJob:
    """Maps what was prepared; :attr:`mapped` is the range once its fence has signalled without an error.

    Others build on the mapping as soon as the fence is public, so a failure in the run stage is nothing that one could
    go on after: it bans the VM, and the binds that are queued behind it do nothing.

    Attributes:
        vmm: where.
        gpu: whose.
        prepared: everything it needs.
        pfns: the frames.
        owner: whose they are.
        ban: of the VM.
        mapped: the range, once it is.
    """

    vmm: Vmm
    gpu: Gpu
    prepared: PreparedMapping
    pfns: Sequence[Pfn]
    owner: str
    ban: Ban = field(default_factory=lambda: Ban("vm"))
    mapped: MappedRange | None = None

    @property
    def reachable(self) -> bool:
        """Whether the GPU may still reach the frames: mapped, or half executed and not undone."""
        if self.mapped is not None:
            return self.mapped.stage is not Stage.GONE
        return self.prepared.stage is Stage.DIRTY

    async def run(self) -> None:
        """Execute: no allocation, nothing freed."""
        if self.ban.why is not None:
            raise ECANCELED(f"{self.vmm.name}: a bind on a VM that was banned while it was queued")
        try:
            self.mapped = await self._execute()
        except ENODEV:
            raise  # the device is gone, and every call says so itself
        except Errno as error:
            self.ban.strike(error)
            raise

    async def stop(self) -> None:
        """Nothing is mapped, and the fence says so."""

    async def cleanup(self) -> None:
        """Give back what a failed run left prepared."""
        if self.prepared.stage is not Stage.GONE:
            await surely(self._abort)
        await surely(self.gpu.mm.deferred.kick)

    async def _execute(self) -> MappedRange:
        """Try again where the device did not answer; an execute that failed has undone itself."""
        for _ in range(TRIES - 1):
            try:
                return await self.vmm.execute_map(self.prepared, self.pfns, writable=True, owner=self.owner)
            except (EIO, ETIMEDOUT):
                if self.prepared.stage is not Stage.PENDING:
                    raise
        return await self.vmm.execute_map(self.prepared, self.pfns, writable=True, owner=self.owner)

    async def _abort(self) -> None:
        await self.vmm.abort(self.prepared)


@dataclass(slots=True)
class UnbindJob:
    """Unmaps a range; it needs no memory, so it cannot fail for lack of it."""

    vmm: Vmm
    gpu: Gpu
    mapped: MappedRange

    async def run(self) -> None:
        """Invalidate and flush; whoever waits for the fence frees the memory, so this tries again until it is done."""
        await surely(self._unmap)

    async def stop(self) -> None:
        """Whoever waits for the fence frees the memory, so it must be unmapped by then."""
        await surely(self._unmap)

    async def cleanup(self) -> None:
        """Free the addresses."""
        await surely(self.gpu.mm.deferred.kick)

    async def _unmap(self) -> None:
        await self.vmm.unmap_pages(self.mapped)
