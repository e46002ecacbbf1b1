"""Video memory over the steps of a run: who owned what from when to when, and every page-table entry that was written.

The page replays it up to the chosen step. Entries are decoded here, with the hardware's decoder; what is a table is
found by following every pointer that was ever written, from the roots on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nova_async.address import PAGE_SHIFT
from nova_async.events import Event, EventKind
from nova_async.hw.chipset import MmuVersion
from nova_async.hw.mmu.decode import Pde, Pte, decode_dual, decode_pde, decode_pte
from nova_async.hw.mmu.formats import Aperture, Level, MmuFormat, format_of
from nova_async.report.html.timeline import Steps

Entry = dict[str, object]
Blocks = tuple[tuple[int, int], ...]

_QWORD = 8


@dataclass(slots=True)
class Run:
    """Frames side by side that one owner has, in VRAM or (``space``) in an address space."""

    owner: str
    space: str | None
    start: int
    count: int
    since: int
    until: int | None = None


@dataclass(slots=True)
class Root:
    """An address space and its root directory."""

    name: str
    pdb: int
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One word that was written to a page of tables."""

    step: int
    task: str
    address: int
    word: int


@dataclass(slots=True)
class Past:
    """All that the trace says about memory."""

    runs: list[Run] = field(default_factory=list)
    roots: list[Root] = field(default_factory=list)
    writes: dict[int, list[Write]] = field(default_factory=dict)
    version: MmuVersion | None = None
    _words: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, steps: Steps) -> "Past":
        """Read it off the steps."""
        past = cls()
        for step, event in steps.numbered():
            past.learn(step, event)
        return past

    def learn(self, step: int, event: Event) -> None:
        """What one event changed."""
        match event.kind:
            case EventKind.VRAM_ALLOC | EventKind.VA_ALLOC:
                self._allocated(step, event)
            case EventKind.VRAM_FREE | EventKind.VA_FREE:
                self._freed(step, event)
            case EventKind.SPACE_OPEN:
                self.roots.append(Root(event.resource, _number(event, "pdb"), step))
                if "mmu" in event.detail:
                    self.version = MmuVersion(_number(event, "mmu"))
            case EventKind.SPACE_CLOSE:
                for root in self.roots:
                    if root.name == event.resource and root.until is None:
                        root.until = step
            case EventKind.ENTRY_WRITE:
                self._written(step, event)
            case _:
                pass

    def _allocated(self, step: int, event: Event) -> None:
        for start, count in _frames(event):
            self.runs.append(Run(str(event.detail.get("owner", "")), _space_of(event), start, count, step))

    def _freed(self, step: int, event: Event) -> None:
        gone = set(_frames(event))
        space = _space_of(event)
        for run in self.runs:
            if run.until is None and run.space == space and (run.start, run.count) in gone:
                run.until = step

    def _written(self, step: int, event: Event) -> None:
        """Words that are new; a page that is cleared is told as a run, and only what was not zero before counts."""
        cleared = (
            (address, 0) for start, size in _pairs(event, "cleared") for address in range(start, start + size, _QWORD)
        )
        for address, word in (*_pairs(event, "words"), *cleared):
            if self._words.get(address, 0) != word:
                self._words[address] = word
                self.writes.setdefault(address >> PAGE_SHIFT, []).append(Write(step, event.task, address, word))


def _space_of(event: Event) -> str | None:
    return None if event.kind in (EventKind.VRAM_ALLOC, EventKind.VRAM_FREE) else event.resource


def _pairs(event: Event, name: str) -> Blocks:
    pairs = event.detail.get(name, ())
    return pairs if isinstance(pairs, tuple) else ()


def _frames(event: Event) -> list[tuple[int, int]]:
    return [(address >> PAGE_SHIFT, size >> PAGE_SHIFT) for address, size in _pairs(event, "blocks")]


def _number(event: Event, name: str) -> int:
    value = event.detail.get(name, 0)
    return value if isinstance(value, int) else 0


def memory_entry(steps: Steps) -> Entry | None:
    """What the page needs to show memory at any step; None if no device was seen."""
    past = Past.of(steps)
    if not past.runs and not past.roots:
        return None
    layout = format_of(past.version) if past.version is not None else None
    return {
        "owners": list(dict.fromkeys(run.owner for run in past.runs)),
        "runs": [
            [run.owner, run.space, run.start, run.count, run.since, run.until]
            for run in past.runs
            if run.until is None or run.until >= 0
        ],
        "spaces": [[root.name, root.pdb, root.since, root.until] for root in past.roots],
        "levels": [] if layout is None else [_level_entry(level) for level in levels_of(layout)],
        "entries": [] if layout is None else list(Decoder(past, layout).entries()),
    }


def levels_of(layout: MmuFormat) -> tuple[Level, ...]:
    """The root first; the table of big pages comes last, beside that of small ones."""
    return (*layout.directories, layout.dual, layout.small, layout.big)


def _level_entry(level: Level) -> Entry:
    return {"name": level.name, "lo": level.lo, "hi": level.hi, "entry_bytes": level.entry_bytes}


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that hardware could reach at some time."""

    level: int
    address: int
    va: int
    space: str


@dataclass(frozen=True, slots=True)
class _Meaning:
    """One entry in words, and where it leads: (level, address) of a table, or the frame of a leaf."""

    text: str
    valid: bool
    tables: tuple[tuple[int, int], ...] = ()
    frame: int | None = None


class Decoder:
    """Follows every pointer that was ever written.

    Args:
        past: what was written when.
        layout: the format of the tables.
    """

    def __init__(self, past: Past, layout: MmuFormat) -> None:
        self._past = past
        self._layout = layout
        self._levels = levels_of(layout)
        self._seen: set[tuple[int, int]] = set()

    def entries(self) -> Iterator[list[object]]:
        """``[level, slot, step, task, word, text, valid, next level, next address, frame, va, space]`` rows."""
        pending = [_Table(0, root.pdb, 0, root.name) for root in reversed(self._past.roots)]
        while pending:
            table = pending.pop()
            if (table.level, table.address) in self._seen:
                continue
            self._seen.add((table.level, table.address))
            found: list[_Table] = []
            yield from self._entries_of(table, found)
            pending += reversed(found)

    def _entries_of(self, table: _Table, found: list[_Table]) -> Iterator[list[object]]:
        level = self._levels[table.level]
        words: dict[int, int] = {}
        for write in self._writes_to(table):
            words[write.address] = write.word
            index = (write.address - table.address) // level.entry_bytes
            slot = table.address + index * level.entry_bytes
            entry = [words.get(slot + at, 0) for at in range(0, level.entry_bytes, _QWORD)]
            va = table.va + index * level.covers
            meaning = self._meaning(table.level, entry)
            found += [_Table(number, address, va, table.space) for number, address in meaning.tables]
            leads = meaning.tables[0] if meaning.tables else (None, None)
            word = " ".join(f"{each:#018x}" for each in entry)
            yield [
                *(table.level, slot, write.step, write.task, word, meaning.text, meaning.valid),
                *(*leads, meaning.frame, f"{va:#x}", table.space),
            ]

    def _writes_to(self, table: _Table) -> Iterator[Write]:
        end = table.address + self._levels[table.level].table_bytes
        for write in self._past.writes.get(table.address >> PAGE_SHIFT, []):
            if table.address <= write.address < end:
                yield write

    def _meaning(self, level: int, words: list[int]) -> _Meaning:
        layout = self._layout
        is_leaf = level > layout.dual_index or (self._levels[level].leaf and words[0] & layout.is_pte.mask)
        if is_leaf:
            return _leaf(decode_pte(layout.pte, words[0]))
        if level == layout.dual_index:
            dual = decode_dual(layout, words[0], words[1])
            return _pointer([(level + 1, dual.small), (level + 2, dual.big)], self._levels)
        return _pointer([(level + 1, decode_pde(layout.pde, words[0]))], self._levels)


def _leaf(pte: Pte) -> _Meaning:
    flags = pte.flags
    if not flags.valid:
        return _Meaning("not valid" + (", sparse" if flags.sparse else ""), valid=False)
    said = {
        "read only": flags.read_only,
        "privileged": flags.privileged,
        "uncached": flags.uncached,
        "no atomics": flags.atomic_disable,
    }
    words = [
        f"maps {pte.address:#x} in {_memory(flags.aperture)} memory",
        *(word for word, is_set in said.items() if is_set),
    ]
    frame = pte.address >> PAGE_SHIFT if flags.aperture is Aperture.VIDEO else None
    return _Meaning(", ".join(words), valid=True, frame=frame)


def _pointer(halves: Iterable[tuple[int, Pde]], levels: tuple[Level, ...]) -> _Meaning:
    present = [(level, pde) for level, pde in halves if pde.aperture is not None]
    if not present:
        return _Meaning("points nowhere", valid=False)
    said = [f"{levels[level].name} at {pde.address:#x}, {_memory(pde.aperture)} memory" for level, pde in present]
    tables = tuple((level, pde.address) for level, pde in present if pde.aperture is Aperture.VIDEO)
    return _Meaning("points to " + " and ".join(said), valid=True, tables=tables)


def _memory(aperture: Aperture | None) -> str:
    return {Aperture.VIDEO: "video", Aperture.PEER: "peer"}.get(aperture or Aperture.VIDEO, "system")
