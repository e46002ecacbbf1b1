"""Where in the source something happened, kept cheaply and read late.

A held lock remembers where it was taken, although almost nobody ever asks. So the hot path keeps code objects and
instruction offsets, and only a finding turns them into files and lines. No frame is kept: that would keep the
locals of the taker alive.
"""

import sys
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Protocol

from nova_async.findings import Site

Where = tuple[Any, ...]
"""What ``capture`` returned; only ``resolve`` looks inside."""

SKIPPED = (
    *(f"nova_async/kernel/{name}.py" for name in ("mutex", "spinlock", "memory", "reclaim", "dma_fence")),
    *(f"nova_async/kernel/{name}.py" for name in ("ww_mutex", "dma_resv", "drm_exec", "mmu_notifier")),
    "nova_async/lockdep/",
    "nova_async/point.py",
    "nova_async/runtime.py",
    "anyio",
    "contextlib",
    "asyncio/locks",
)
"""Frames that say nothing about whose fault it is: the locks themselves and their plumbing."""

LOOPS = ("asyncio", "trio", "nova_async/explore/")
"""Frames under which no caller of interest follows: whoever runs the tasks."""

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_MATTERS, _SKIP, _LOOP = 0, 1, 2


class Places(Protocol):
    """Remembers places."""

    def capture(self) -> Where:
        """The place of whoever called the caller of this."""
        ...

    def resolve(self, where: Where) -> tuple[Site, ...]:
        """The two frames that matter, innermost first."""
        ...


@cache
def relative(filename: str) -> str:
    """A path as a reader of the repository knows it: posix, and never absolute."""
    path = Path(filename)
    return _below_a_root(path) or (path.name if path.is_absolute() else path.as_posix())


def _below_a_root(path: Path) -> str:
    """The path below the repository, the working directory or an import root; empty if it is in none of them."""
    roots = [_PACKAGE_PARENT, Path.cwd(), *sorted((Path(entry) for entry in sys.path if entry), key=_longest_first)]
    for root in roots:
        # An environment inside the repository is an import root of its own.
        if path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts:
            return path.relative_to(root).as_posix()
    return ""


def _longest_first(path: Path) -> int:
    return -len(path.parts)


def _matches(path: str, fragment: str) -> bool:
    """Whether ``fragment`` is a run of whole components of ``path``; a module may leave out its ``.py``."""
    return f"/{fragment.strip('/')}/" in f"/{path}/" or f"/{fragment}/" in f"/{path.removesuffix('.py')}/"


class _Sorter(dict[str, int]):
    """Which frames matter, by file name; worked out once for each file."""

    def __init__(self, skip: tuple[str, ...], loops: tuple[str, ...]) -> None:
        super().__init__()
        self._skip = skip
        self._loops = loops

    def __missing__(self, filename: str) -> int:
        path = _below_a_root(Path(filename)) or Path(filename).as_posix()
        kind = _MATTERS
        if any(_matches(path, fragment) for fragment in self._skip):
            kind = _SKIP
        elif any(_matches(path, fragment) for fragment in self._loops):
            kind = _LOOP
        self[filename] = kind
        return kind


@cache
def _sorter(skip: tuple[str, ...], loops: tuple[str, ...]) -> _Sorter:
    """One for all validators of a process: an explorer makes thousands of them, and files stay where they are."""
    return _Sorter(skip, loops)


class FramePlaces:
    """Places read off the Python stack.

    Args:
        skip: path fragments of frames to pass over.
        loops: path fragments of frames to stop at.
    """

    def __init__(self, skip: tuple[str, ...] = SKIPPED, loops: tuple[str, ...] = LOOPS) -> None:
        self._sort = _sorter(skip, loops)

    def capture(self) -> Where:
        """The two innermost frames that matter, as code objects and offsets."""
        sort = self._sort
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  the one cheap way to see the caller
        while frame is not None:
            code = frame.f_code
            kind = sort[code.co_filename]
            if kind == _LOOP:
                return ()  # plumbing all the way down; who runs the loop is not to blame
            if kind == _MATTERS:
                break
            frame = frame.f_back
        else:
            return ()
        lasti = frame.f_lasti
        outer = frame.f_back
        while outer is not None:
            caller = outer.f_code
            kind = sort[caller.co_filename]
            if not kind:
                return (code, lasti, caller, outer.f_lasti)
            if kind == _LOOP:
                break
            outer = outer.f_back
        return (code, lasti)

    def resolve(self, where: Where) -> tuple[Site, ...]:
        """The files and lines of a captured place."""
        return tuple(_site(where[i], where[i + 1]) for i in range(0, len(where), 2))


@cache
def _site(code: CodeType, lasti: int) -> Site:
    position = next(islice(code.co_positions(), lasti // 2, None), None)
    line = position[0] if position and position[0] is not None else code.co_firstlineno
    return Site(relative(code.co_filename), line, code.co_qualname)
