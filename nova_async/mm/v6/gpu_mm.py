"""The memory manager of January 2026: a buddy, one window, the TLB. Whoever has it has all of it (``&mut GpuMm``)."""

from types import TracebackType
from typing import Self

from nova_async.mm.gpu import Gpu
from nova_async.mm.v6.devres import Devres
from nova_async.mm.v6.tlb import Tlb
from nova_async.mm.v6.window import Window


class GpuMm:
    """One device's memory manager: ``async with GpuMm(gpu) as mm``; leaving it drops the window.

    VRAM comes from the device's buddy, so that accounts stay in one place. Do not use the device's own Pramin while
    this is open: it caches the window's base as well.

    Args:
        gpu: the probed device.
        bar: its BAR0, to be shared where another Window or an unbind is part of the question.

    Attributes:
        host: the device's memory manager of today, for its buddy, its owners and its kernel.
        bar: BAR0.
        pramin: the one window.
        tlb: the invalidate registers.
    """

    def __init__(self, gpu: Gpu, bar: Devres | None = None) -> None:
        self.host = gpu.mm
        self.bar = bar or Devres(gpu.board.bar0, observers=gpu.mm.observers)
        self.pramin = Window(self.bar)
        self.tlb = Tlb(self.bar, gpu.board.clock, gpu.kernel.faults)

    async def __aenter__(self) -> Self:
        await self.pramin.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pramin.__aexit__(kind, error, trace)
