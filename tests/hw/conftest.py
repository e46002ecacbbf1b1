"""Boards, and page tables made by hand.

The encoders below write bit positions as literals, taken from hardware.md 2.2 to 2.4, and use nothing of
``nova_async.hw.mmu.formats``: they are the second opinion.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import ClassVar

import pytest

from nova_async.address import MIB
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset, MmuVersion
from nova_async.hw.mmu import Access, Translation, walk
from nova_async.hw.mmu.formats import V2_GA10X, V3_GB10X, MmuFormat
from nova_async.hw.vram import Vram


class HandMade:
    """Tables at fixed addresses in 64 MiB of memory, one of each level."""

    version: ClassVar[MmuVersion]
    format: ClassVar[MmuFormat]
    levels: ClassVar[dict[str, tuple[int, int, int]]]
    """Name to lowest VA bit, index bits and entry bytes."""
    directories: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.vram = Vram(64 * MIB)
        self.at = {name: 0x10000 + 0x1000 * index for index, name in enumerate(self.levels)}
        self.root = self.at[self.directories[0]]

    def slot(self, name: str, va: int) -> int:
        lo, bits, size = self.levels[name]
        return self.at[name] + (va >> lo) % (1 << bits) * size

    def put(self, name: str, va: int, word: int, high: int = 0) -> int:
        slot = self.slot(name, va)
        self.vram.write(slot, 8, word)
        if name == "PD0":
            self.vram.write(slot + 8, 8, high)
        return slot

    def link(self, va: int, down_to: str = "PD0") -> None:
        """Directory entries from the root to the table ``down_to``."""
        chain = [*self.directories, "PD0"]
        for parent, child in pairwise(chain):
            if parent == down_to:
                return
            self.put(parent, va, self.pde(self.at[child]))

    def map_small(self, va: int, address: int, **bits: int) -> int:
        """One 4 KiB page; the address of its PTE."""
        self.link(va)
        self.put("PD0", va, *self.dual(small=self.at["PT"]))
        return self.put("PT", va, self.pte(address, **bits))

    def walk(self, va: int, access: Access = Access.READ, version: MmuFormat | None = None) -> Translation:
        return walk(self.vram, self.root, version or self.format, va, access)

    @staticmethod
    def pte(address: int, **bits: int) -> int:
        raise NotImplementedError

    @staticmethod
    def pde(address: int, *, aperture: int = 1, vol: int = 0) -> int:
        raise NotImplementedError

    @staticmethod
    def dual(
        *, big: int = 0, small: int = 0, big_aperture: int = 1, small_aperture: int = 1, vol: int = 0
    ) -> tuple[int, int]:
        raise NotImplementedError


class HandMadeV2(HandMade):
    version = MmuVersion.V2
    format = V2_GA10X
    directories = ("PD3", "PD2", "PD1")
    levels: ClassVar = {
        "PD3": (47, 2, 8),
        "PD2": (38, 9, 8),
        "PD1": (29, 9, 8),
        "PD0": (21, 8, 16),
        "PT": (12, 9, 8),
        "BIG": (16, 5, 8),
    }
    PTE_BITS: ClassVar = {
        "valid": 0,
        "aperture": 1,
        "uncached": 3,
        "privileged": 5,
        "read_only": 6,
        "atomic_disable": 7,
        "peer": 33,
        "kind": 56,
    }
    invalid_pte: ClassVar = {"sparse": 1 << 3, "no_small": 1 << 5}

    @staticmethod
    def pte(address: int, **bits: int) -> int:
        bits = {"valid": 1, **bits}
        return (address >> 12) << 8 | sum(value << HandMadeV2.PTE_BITS[name] for name, value in bits.items())

    @staticmethod
    def pde(address: int, *, aperture: int = 1, vol: int = 0) -> int:
        return (address >> 12) << 8 | aperture << 1 | vol << 3

    @staticmethod
    def dual(
        *, big: int = 0, small: int = 0, big_aperture: int = 1, small_aperture: int = 1, vol: int = 0
    ) -> tuple[int, int]:
        low = (big >> 8) << 4 | big_aperture << 1 if big else 0
        high = (small >> 12) << 8 | small_aperture << 1 if small else 0
        return low | vol << 3, high


class HandMadeV3(HandMade):
    version = MmuVersion.V3
    format = V3_GB10X
    directories = ("PD4", "PD3", "PD2", "PD1")
    levels: ClassVar = {
        "PD4": (56, 1, 8),
        "PD3": (47, 9, 8),
        "PD2": (38, 9, 8),
        "PD1": (29, 9, 8),
        "PD0": (21, 8, 16),
        "PT": (12, 9, 8),
        "BIG": (16, 5, 8),
    }
    PTE_BITS: ClassVar = {
        "valid": 0,
        "aperture": 1,
        "uncached": 3,
        "privileged": 4,
        "read_only": 5,
        "atomic_disable": 6,
        "access_count_disable": 7,
        "kind": 8,
        "peer": 61,
    }
    invalid_pte: ClassVar = {"sparse": 1 << 3, "no_small": 3 << 3}

    @staticmethod
    def pte(address: int, **bits: int) -> int:
        bits = {"valid": 1, **bits}
        return (address >> 12) << 12 | sum(value << HandMadeV3.PTE_BITS[name] for name, value in bits.items())

    @staticmethod
    def pde(address: int, *, aperture: int = 1, vol: int = 0) -> int:
        return (address >> 12) << 12 | aperture << 1 | vol << 3

    @staticmethod
    def dual(
        *, big: int = 0, small: int = 0, big_aperture: int = 1, small_aperture: int = 1, vol: int = 0
    ) -> tuple[int, int]:
        low = (big >> 8) << 8 | big_aperture << 1 if big else 0
        high = (small >> 12) << 12 | small_aperture << 1 if small else 0
        return low | vol << 3, high


@pytest.fixture
def v2() -> HandMadeV2:
    return HandMadeV2()


@pytest.fixture
def v3() -> HandMadeV3:
    return HandMadeV3()


@pytest.fixture(params=[HandMadeV2, HandMadeV3], ids=["V2", "V3"])
def tables(request: pytest.FixtureRequest) -> HandMade:
    made: HandMade = request.param()
    return made


BoardMaker = Callable[..., Board]


@pytest.fixture
def make_board() -> BoardMaker:
    def make(name: str = "GA102", vram: int = 16 * MIB, bar1: int | None = None) -> Board:
        return Board(Chipset.named(name), vram=vram, bar1=bar1)

    return make


@pytest.fixture
def board(make_board: BoardMaker) -> Board:
    return make_board(bar1=MIB)


@pytest.fixture
def map_bar1() -> Callable[[Board, Iterable[tuple[int, int]]], int]:
    """Map (BAR1 offset, PTE) pairs below 2 MiB on a V2 board; the address of the page table."""

    def map_pages(board: Board, pages: Iterable[tuple[int, int]]) -> int:
        root = board.gsp.bar1_pde_base
        chain = [root, 0x100000, 0x101000, 0x102000]
        for parent, child in pairwise(chain):
            board.vram.write(parent, 8, HandMadeV2.pde(child))
        board.vram.write(0x102008, 8, HandMadeV2.pde(0x103000))
        for offset, pte in pages:
            board.vram.write(0x103000 + (offset >> 12) * 8, 8, pte)
        return 0x103000

    return map_pages
