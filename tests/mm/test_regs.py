"""hardware.md 1 and 3: what the driver writes into the registers, seen from the hardware's side."""

import pytest

from nova_async.errors import EINVAL
from nova_async.hw.board import Board
from nova_async.hw.chipset import CHIPSETS, Architecture, Chipset
from nova_async.mm.regs import pdb_words, pramin_window


@pytest.mark.parametrize("chip", sorted(CHIPSETS))
def test_driver_and_hardware_agree_on_the_window_register(chip: str) -> None:
    chipset = Chipset.named(chip)
    board = Board(chipset, vram=4 << 20)
    register = pramin_window(chipset.architecture)
    assert register.offset == chipset.window.offset
    assert 1 << register.address_bits == chipset.window.reach
    register.write_base(board.bar0, 0x12_0000)
    assert register.read_base(board.bar0) == 0x12_0000
    board.vram.write(0x12_0008, 4, 0xCAFE)
    assert board.bar0.read32(0x700008) == 0xCAFE


@pytest.mark.parametrize(
    ("architecture", "bits"),
    [
        (Architecture.TURING, 40),
        (Architecture.AMPERE, 40),
        (Architecture.ADA, 40),
        (Architecture.HOPPER, 38),
        (Architecture.BLACKWELL_GB10X, 39),
        (Architecture.BLACKWELL_GB20X, 39),
    ],
)
def test_a_base_wider_than_the_register_is_refused(architecture: Architecture, bits: int) -> None:
    board = Board(CHIPSETS["GA102"], vram=4 << 20)
    with pytest.raises(EINVAL, match=f"{bits} bits"):
        pramin_window(architecture).write_base(board.bar0, 1 << bits)


@pytest.mark.parametrize(
    ("pdb", "words"),
    [(0x1000, (0x10, 0)), (0x12_3456_7000, (0x1234_5670, 0)), (0x5A_1234_5678_9000, (0x3456_7890, 0x5A12))],
)
def test_the_page_directory_base_is_split_over_two_registers(pdb: int, words: tuple[int, int]) -> None:
    low, high = pdb_words(pdb)
    assert (low, high) == (words[0], words[1] & 0xFF)


def test_an_unaligned_page_directory_base_is_refused() -> None:
    with pytest.raises(EINVAL, match="4 KiB"):
        pdb_words(0x1008)
