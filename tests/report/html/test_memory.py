from typing import Any

from nova_async.events import EventKind, Trace
from nova_async.report.html.memory import memory_entry
from nova_async.report.html.timeline import Steps

LEVEL, SLOT, STEP, TASK, WORD, TEXT, VALID, NEXT_LEVEL, NEXT_TABLE, FRAME, VA, SPACE = range(12)


def entry(trace: Trace, limit: int = 100) -> dict[str, Any]:
    told = memory_entry(Steps.of(trace, limit))
    assert told is not None
    return told


def test_a_run_that_booted_no_device_has_no_memory(story: Any) -> None:
    story.tell("a", EventKind.TASK_BEGIN, "a")
    assert memory_entry(Steps.of(story.trace)) is None


def test_frames_have_an_owner_from_the_allocation_until_the_free(lived: Trace) -> None:
    told = entry(lived)
    assert told["owners"] == ["vm"]
    assert told["runs"] == [["vm", None, 5, 1, 1, 14]]


def test_what_was_freed_before_the_first_step_shown_is_left_out(lived: Trace) -> None:
    assert entry(lived, limit=1)["runs"] == []


def test_addresses_belong_to_their_allocator(story: Any) -> None:
    story.tell("a", EventKind.VA_ALLOC, "vm va", owner="vm", blocks=((0x3000, 0x2000),))
    assert entry(story.trace)["runs"] == [["vm", "vm va", 3, 2, 0, None]]


def test_the_levels_are_those_of_the_version_of_the_tables(lived: Trace, story: Any) -> None:
    assert [level["name"] for level in entry(lived)["levels"]] == ["PD3", "PD2", "PD1", "PD0", "PT", "PT big"]
    story.events.clear()
    story.tell("a", EventKind.SPACE_OPEN, "vm", pdb=0x1000, mmu=3)
    assert [level["name"] for level in entry(story.trace)["levels"]][:2] == ["PD4", "PD3"]


def test_the_way_of_an_address_leads_from_the_root_to_the_frame(lived: Trace) -> None:
    way = [row for row in entry(lived)["entries"] if row[STEP] <= 8]
    assert [(row[LEVEL], row[SLOT], row[NEXT_LEVEL], row[NEXT_TABLE]) for row in way] == [
        (0, 0x1000, 1, 0x2000),
        (1, 0x2000, 2, 0x3000),
        (2, 0x3000, 3, 0x4000),
        (3, 0x4000, 4, 0x6000),
        (4, 0x6000, None, None),
    ]
    leaf = way[-1]
    assert (leaf[TASK], leaf[TEXT], leaf[VALID], leaf[FRAME]) == ("create", "maps 0x5000 in video memory", True, 5)
    assert (leaf[VA], leaf[SPACE], leaf[WORD]) == ("0x0", "vm", "0x0000000000000501")


def test_clearing_a_page_is_one_write_for_each_word_that_was_not_zero(lived: Trace) -> None:
    cleared = [row for row in entry(lived)["entries"] if row[STEP] == 15]
    assert [(row[SLOT], row[TASK], row[VALID], row[FRAME]) for row in cleared] == [(0x6000, "reset", False, None)]


def test_what_was_written_before_the_first_step_shown_is_there_at_once(lived: Trace) -> None:
    assert {row[STEP] for row in entry(lived, limit=2)["entries"]} == {-1, 1}


def test_an_entry_knows_the_address_that_it_maps(story: Any) -> None:
    story.tell("a", EventKind.SPACE_OPEN, "vm", pdb=0x1000, mmu=2)
    # Entry 1 of every level: bit 47, 38, 29, 21 and 12.
    for slot, word in ((0x1008, 0x202), (0x2008, 0x302), (0x3008, 0x402), (0x4018, 0x602), (0x6008, 0x501)):
        story.tell("a", EventKind.ENTRY_WRITE, "vm tables", words=((slot, word),))
    assert entry(story.trace)["entries"][-1][VA] == hex(1 << 47 | 1 << 38 | 1 << 29 | 1 << 21 | 1 << 12)


def test_a_table_of_big_pages_is_followed(story: Any) -> None:
    story.tell("a", EventKind.SPACE_OPEN, "vm", pdb=0x1000, mmu=2)
    for slot, word in ((0x1000, 0x202), (0x2000, 0x302), (0x3000, 0x402), (0x4000, 0x602), (0x6000, 0x1001)):
        story.tell("a", EventKind.ENTRY_WRITE, "vm tables", words=((slot, word),))
    *_, pointer, leaf = entry(story.trace)["entries"]
    assert (pointer[NEXT_LEVEL], pointer[NEXT_TABLE], pointer[TEXT]) == (
        5,
        0x6000,
        "points to PT big at 0x6000, video memory",
    )
    assert (leaf[LEVEL], leaf[FRAME]) == (5, 0x10)


def test_a_table_that_points_to_itself_does_not_go_on_for_ever(story: Any) -> None:
    story.tell("a", EventKind.SPACE_OPEN, "vm", pdb=0x1000, mmu=2)
    story.tell("a", EventKind.ENTRY_WRITE, "vm tables", words=((0x1000, 0x102),))
    assert [row[LEVEL] for row in entry(story.trace)["entries"]] == [
        0,
        1,
        2,
        3,
        5,
    ]  # the dual entry is its own big table


def test_a_trace_without_the_version_of_the_tables_shows_owners_only(story: Any) -> None:
    story.tell("a", EventKind.SPACE_OPEN, "vm", pdb=0x1000)
    story.tell("a", EventKind.ENTRY_WRITE, "vm tables", words=((0x1000, 0x102),))
    told = entry(story.trace)
    assert (told["levels"], told["entries"]) == ([], [])
