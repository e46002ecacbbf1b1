"""What an exhaustive search is told of pages, of what points to them, and of the TLB."""

from dataclasses import dataclass, field
from types import ModuleType

import pytest

from nova_async.address import PAGE_SHIFT, PAGE_SIZE
from nova_async.checks.telling import TLB
from nova_async.explore import pages, pointers, translations
from nova_async.explore.pages import FEW_WORDS, Pages
from nova_async.explore.pointers import Pointers
from nova_async.explore.translations import Translations
from nova_async.hw.mmu import Translation
from nova_async.hw.mmu.decode import PteFlags
from nova_async.hw.mmu.formats import Aperture
from nova_async.operation import Access

READ, ADD, WRITE = Access.READ, Access.ADD, Access.WRITE
TABLE, OTHER_TABLE, FRAME = 3, 4, 7
PDB = 2 << PAGE_SHIFT


@dataclass
class Told:
    """In place of the explorer: which task has done what to which name.

    Attributes:
        running: the task that calls.
        shared: the value of each name.
        transparent: whether the TLB is.
    """

    running: str = "owner"
    done: dict[str, dict[str, int]] = field(default_factory=dict)
    shared: dict[str, object] = field(default_factory=dict)
    transparent: bool = True

    def touch(self, name: str, access: Access = READ) -> None:
        names = self.done.setdefault(self.running, {})
        names[name] = names.get(name, 0) | access

    def share(self, name: str, value: object, access: Access = WRITE) -> None:
        if value is not None:
            self.touch(name, access)
        self.shared[name] = value() if callable(value) else value

    def caller(self) -> str:
        return self.running

    def is_transparent(self, cache: str) -> bool:
        assert cache == TLB
        return self.transparent

    def of(self, task: str = "owner") -> dict[str, int]:
        """What one task has done; and forget it."""
        return self.done.pop(task, {})

    def conflict(self, one: str, other: str) -> bool:
        """Whether two tasks do not commute."""
        mine, his = self.done.get(one, {}), self.done.get(other, {})
        return any(mine[name] | his[name] == WRITE for name in mine.keys() & his.keys())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    recorder = Told()
    modules: tuple[ModuleType, ...] = (pages, pointers, translations)
    doubles = {name: getattr(recorder, name) for name in ("touch", "share", "caller")}
    for module in modules:
        for name, double in (doubles | {"transparent": recorder.is_transparent}).items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, double)
    return recorder


# Pages.


@pytest.mark.parametrize("access", [READ, WRITE])
@pytest.mark.parametrize("words", range(1, FEW_WORDS + 1))
def test_a_few_words_are_added_to_their_page_and_accessed_one_by_one(told: Told, words: int, access: Access) -> None:
    address = FRAME * PAGE_SIZE + 0x40
    assert Pages("gpu").touch_words(address, address + 8 * words, access) is ADD
    named = {f"gpu frame 0x7 [{8 + word}]": access for word in range(words)}
    assert told.of() == {"gpu frame 0x7": ADD} | named


@pytest.mark.parametrize("access", [READ, WRITE])
def test_many_words_are_their_whole_pages(told: Told, access: Access) -> None:
    address = (FRAME + 1) * PAGE_SIZE - 8
    assert Pages("gpu").touch_words(address, address + 8 * (FEW_WORDS + 1), access) is access
    assert told.of() == {"gpu frame 0x7": access, "gpu frame 0x8": access}


def test_a_few_words_in_two_pages_are_each_of_its_own(told: Told) -> None:
    address = (FRAME + 1) * PAGE_SIZE - 8
    Pages("gpu").touch_words(address, address + 16, WRITE)
    assert told.of() == {
        "gpu frame 0x7": ADD,
        "gpu frame 0x7 [511]": WRITE,
        "gpu frame 0x8": ADD,
        "gpu frame 0x8 [0]": WRITE,
    }


@pytest.mark.parametrize(("start", "stop", "slots"), [(0, 1, [0]), (7, 8, [0]), (4, 12, [0, 1]), (8, 16, [1])])
def test_a_word_is_touched_by_each_of_its_bytes(told: Told, start: int, stop: int, slots: list[int]) -> None:
    Pages("gpu").touch_words(start, stop, READ)
    assert told.of() == {"gpu frame 0x0": ADD} | {f"gpu frame 0x0 [{slot}]": READ for slot in slots}


def test_different_words_commute_the_same_do_not_and_many_are_in_the_way_of_each(told: Told) -> None:
    for task, start, stop in (("one", 0, 8), ("other", 8, 16), ("same", 0, 4), ("many", 0x800, 0x900)):
        told.running = task
        Pages("gpu").touch_words(start, stop, WRITE)
    assert not told.conflict("one", "other")
    assert told.conflict("one", "same")
    assert told.conflict("one", "many")


# Pointers.


@pytest.fixture
def entries(told: Told) -> Pointers:
    return Pointers(Pages("gpu"))


def test_who_frees_a_frame_is_not_in_the_way_of_an_owner_who_has_cleared_what_points_to_it(
    told: Told, entries: Pointers
) -> None:
    entries.written(TABLE, 0, FRAME)
    entries.written(TABLE, 0, 0)
    entries.returned(FRAME)
    told.running = "freer"
    entries.freed(FRAME)
    assert told.of("freer") == {}


def test_who_clears_a_pointer_after_its_frame_was_given_back_is_in_the_way_of_who_frees_it(
    told: Told, entries: Pointers
) -> None:
    entries.written(TABLE, 0, FRAME)
    entries.returned(FRAME)
    told.running = "late"
    entries.written(TABLE, 0, 0)
    told.running = "freer"
    entries.freed(FRAME)
    assert told.conflict("late", "freer")


def test_who_clears_a_pointer_that_others_count_on_when_they_give_back_is_in_their_way(
    told: Told, entries: Pointers
) -> None:
    told.running = "other"
    entries.written(TABLE, 0, FRAME)
    entries.written(TABLE, 0, 0)
    told.running = "owner"
    entries.returned(FRAME)
    told.running = "freer"
    entries.freed(FRAME)
    assert told.conflict("other", "owner")
    assert not told.conflict("other", "freer")


def test_what_still_points_to_a_freed_frame_is_in_the_way(told: Told, entries: Pointers) -> None:
    entries.written(TABLE, 0, FRAME)
    entries.written(OTHER_TABLE, 5, FRAME)
    entries.written(TABLE, 0, 0)
    entries.returned(FRAME)
    told.done.clear()
    told.running = "freer"
    entries.freed(FRAME)
    told.running = "owner"
    entries.written(OTHER_TABLE, 5, 0)
    assert told.conflict("owner", "freer")


def test_a_frame_that_nobody_has_given_back_is_in_the_way_of_who_points_to_it(told: Told, entries: Pointers) -> None:
    entries.written(TABLE, 0, FRAME)
    entries.written(TABLE, 0, 0)
    told.running = "freer"
    entries.freed(FRAME)
    assert told.conflict("owner", "freer")


def test_the_entries_of_a_table_that_is_given_back_point_nowhere(told: Told, entries: Pointers) -> None:
    entries.written(TABLE, 0, FRAME)
    entries.returned(TABLE)
    entries.returned(FRAME)
    told.running = "freer"
    entries.freed(FRAME)
    assert told.of("freer") == {}


def test_a_frame_that_is_used_again_starts_afresh(told: Told, entries: Pointers) -> None:
    entries.written(TABLE, 0, FRAME)
    entries.returned(FRAME)
    told.running = "late"
    entries.written(TABLE, 0, 0)
    entries.freed(FRAME)
    told.running = "owner"
    entries.returned(FRAME)
    told.running = "freer"
    entries.freed(FRAME)
    assert told.of("freer") == {}


# Translations.


def translation(frame: int) -> Translation:
    flags = PteFlags(
        valid=True,
        sparse=False,
        no_small=False,
        aperture=Aperture.VIDEO,
        peer=0,
        uncached=False,
        privileged=False,
        read_only=False,
        atomic_disable=False,
        kind=0,
    )
    return Translation(0x5000, PAGE_SIZE, frame << PAGE_SHIFT, flags, TABLE << PAGE_SHIFT, 4)


def of_tlb(done: dict[str, int]) -> dict[str, int]:
    return {name: access for name, access in done.items() if "tlb" in name}


@pytest.fixture
def cached(told: Told) -> Translations:
    return Translations("gpu", Pages("gpu"))


def fill(cached: Translations, va: int = 0x5000, frame: int = FRAME) -> None:
    cached.fetched(TABLE << PAGE_SHIFT)
    cached.used(PDB, va, translation(frame), hit=False)


def test_of_a_transparent_tlb_nothing_is_told(told: Told, cached: Translations) -> None:
    fill(cached)
    cached.used(PDB, 0x5000, translation(FRAME), hit=True)
    cached.forgotten(PDB)
    fill(cached)
    cached.forgotten(None)
    assert of_tlb(told.of()) == {}
    assert told.shared == {}


def test_an_access_depends_on_the_entries_and_the_page_also_when_the_tlb_has_it(
    told: Told, cached: Translations
) -> None:
    fill(cached)
    expected = {"gpu frame 0x3": ADD, "gpu frame 0x3 [0]": READ, "gpu frame 0x7": ADD, "gpu frame 0x7 [0]": READ}
    assert told.of() == expected
    cached.used(PDB, 0x5000, translation(FRAME), hit=True)
    assert told.of() == expected


def test_of_an_opaque_tlb_it_is_told_what_it_holds(told: Told, cached: Translations) -> None:
    told.transparent = False
    fill(cached)
    (state,) = [value for name, value in told.shared.items() if "tlb" in name]
    assert state == ((0x5, FRAME),)
    fill(cached, 0x6000, FRAME + 1)
    assert told.shared["gpu frame 0x2 tlb"] == ((0x5, FRAME), (0x6, FRAME + 1))
    cached.forgotten(PDB)
    assert told.shared["gpu frame 0x2 tlb"] is None


def test_in_an_opaque_tlb_fills_commute_and_so_do_invalidates_and_one_of_each_do_not(
    told: Told, cached: Translations
) -> None:
    told.transparent = False
    for task, va in (("fills", 0x5000), ("fills too", 0x6000)):
        told.running = task
        cached.used(PDB, va, translation(FRAME), hit=False)
    flushes = {"flushes": PDB, "flushes too": PDB, "flushes all": None, "flushes another": 9 * PAGE_SIZE}
    for task, pdb in flushes.items():
        told.running = task
        cached.forgotten(pdb)
    assert not told.conflict("fills", "fills too")
    assert not told.conflict("flushes", "flushes too")
    assert told.conflict("fills", "flushes")
    assert told.conflict("fills", "flushes all")
    assert not told.conflict("fills", "flushes another")


def test_in_an_opaque_tlb_a_hit_does_not_commute_with_what_makes_it_one_or_ends_it(
    told: Told, cached: Translations
) -> None:
    told.transparent = False
    told.running = "fills"
    fill(cached)
    told.running = "hits"
    cached.used(PDB, 0x5000, translation(FRAME), hit=True)
    told.running = "flushes"
    cached.forgotten(PDB)
    assert told.conflict("fills", "hits")
    assert told.conflict("hits", "flushes")
