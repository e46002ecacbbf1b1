import pytest

from nova_async.address import MIB
from nova_async.hw.mmu import instance
from nova_async.hw.mmu.instance import InstanceBlock, PdbTarget
from nova_async.hw.vram import Vram

BITS = [
    ("PDB_TARGET", 1, 0),
    ("PDB_VOLATILE", 2, 2),
    ("REPLAYABLE_TEX", 4, 4),
    ("REPLAYABLE_GCC", 5, 5),
    ("USE_V2_FORMAT", 10, 10),
    ("BIG_PAGE_64K", 11, 11),
    ("PDB_LOW", 31, 12),
]


@pytest.mark.parametrize(("name", "hi", "lo"), BITS, ids=[f"2.7-{row[0]}" for row in BITS])
def test_a_field_lies_where_the_manual_says(name: str, hi: int, lo: int) -> None:
    field = getattr(instance, name)
    assert (field.hi, field.lo) == (hi, lo)


def test_the_page_directory_base_fills_dwords_128_and_129() -> None:
    vram = Vram(MIB)
    InstanceBlock(PdbTarget.VIDEO, 0x12_3456_7000).write(vram, 0x4000)
    assert vram.read(0x4000 + 512, 4) == 0x34567000 | 1 << 11 | 1 << 10
    assert vram.read(0x4000 + 516, 4) == 0x12
    assert vram.read(0x4000 + 508, 4) == vram.read(0x4000 + 520, 4) == 0


@pytest.mark.parametrize(
    ("dword", "block", "bound"),
    [
        pytest.param(0x5C00, InstanceBlock(PdbTarget.VIDEO, 0x5000), True, id="video"),
        pytest.param(0x5C01, InstanceBlock(PdbTarget.INVALID, 0x5000), False, id="invalid"),
        pytest.param(0x5C02, InstanceBlock(PdbTarget.COHERENT, 0x5000), False, id="coherent"),
        pytest.param(0x5C03, InstanceBlock(PdbTarget.NONCOHERENT, 0x5000), False, id="noncoherent"),
        pytest.param(0x5834, InstanceBlock(PdbTarget.VIDEO, 0x5000, uses_v2_format=False), False, id="old-format"),
    ],
)
def test_a_block_decodes_to_its_page_directory(dword: int, block: InstanceBlock, *, bound: bool) -> None:
    vram = Vram(MIB)
    vram.write(0x4000 + 512, 4, dword)
    assert InstanceBlock.read(vram, 0x4000) == block
    assert block.bound is bound
