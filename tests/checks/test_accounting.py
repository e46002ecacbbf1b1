"""NOVA305: whatever does not come back is told, with whose it was."""

from typing import Any

from nova_async.address import PAGE_SIZE
from nova_async.checks import close_accounts


async def lost(watched: Any) -> list[str]:
    findings = await close_accounts(watched.gpu)
    assert {finding.code for finding in findings} <= {"NOVA305"}
    return [finding.message for finding in findings]


async def test_a_device_at_rest_has_lost_nothing(watched: Any) -> None:
    assert await lost(watched) == []


async def test_frees_that_wait_are_done_and_not_lost(watched: Any) -> None:
    watched.gpu.mm.free_vram(await watched.buffer(pages=3))
    assert await lost(watched) == []


async def test_pages_never_freed_are_told_by_owner(watched: Any) -> None:
    await watched.buffer(pages=3)
    assert await lost(watched) == ["3 VRAM pages of me were never freed"]


async def test_a_mapping_never_unmapped_is_told_with_its_addresses_and_tables(watched: Any) -> None:
    _, _, _ = await watched.mapping(pages=2)
    said = "\n".join(await lost(watched))
    assert "space: 1 mappings are pending or live" in said
    assert "space: 0x2000 bytes of addresses were never freed" in said
    assert "VRAM pages of space tables were never freed" in said


async def test_a_bar1_mapping_in_use_keeps_the_device_from_being_closed(watched: Any) -> None:
    await watched.gpu.bar_user.map(watched.frames(await watched.buffer()), writable=True, owner="me")
    said = await lost(watched)
    assert said[0].startswith("the accounts of the device could not be closed: EBUSY")


async def test_pages_that_are_neither_free_nor_anybodys_break_the_sum(watched: Any) -> None:
    gpu = watched.gpu
    total = len(gpu.mm.usable) // PAGE_SIZE
    await gpu.mm.alloc_from(gpu.mm.buddy, PAGE_SIZE, owner="me")  # nobody is granted the frame
    assert await lost(watched) == [f"{total - 1} VRAM pages are free and 0 are somebody's; there are {total}"]


async def test_pages_that_are_both_free_and_somebodys_break_the_sum(watched: Any) -> None:
    buffer = await watched.buffer()
    await buffer.buddy.free(buffer)
    said = await lost(watched)
    assert said[0] == "1 VRAM pages of me were never freed"
    assert "1 are somebody's" in said[1]
