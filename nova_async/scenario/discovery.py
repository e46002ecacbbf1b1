"""Scenario files, found and loaded by path."""

import importlib.util
import sys
import traceback
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import nova_async
from nova_async.errors import UsageError
from nova_async.scenario.declare import Scenario

DEFAULT_FOLDER = "scenarios"
_PACKAGE = Path(nova_async.__file__).parent


def packaged_folder() -> Path:
    """The scenarios that came with the package: the copy in the wheel, or the folder beside the sources."""
    in_wheel = _PACKAGE / "_scenarios"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / DEFAULT_FOLDER


def discover(targets: Iterable[str] = ()) -> list[Scenario]:
    """The scenarios of each ``PATH`` or ``PATH::NAME``, each once, in order of the targets, of path, and of the file.

    A folder is searched recursively; names that begin with ``_`` or ``.`` are left out. Where the working directory
    has no ``scenarios/``, that name means the packaged copy. No target means ``scenarios``.

    Raises:
        UsageError: a path or a name does not exist, or a file does not import.
    """
    found: dict[str, Scenario] = {}
    for target in tuple(targets) or (DEFAULT_FOLDER,):
        path, _, name = target.partition("::")
        for each in _of_target(path, name):
            found.setdefault(each.path, each)
    return list(found.values())


def _of_target(path: str, name: str) -> Iterator[Scenario]:
    scenarios = [each for real, shown in _files(path) for each in _load(real, shown)]
    if not name:
        yield from scenarios
        return
    named = [each for each in scenarios if each.name == name]
    if not named:
        raise _no_such_scenario(path, name, scenarios)
    yield from named


def _no_such_scenario(path: str, name: str, scenarios: list[Scenario]) -> UsageError:
    if not scenarios:
        return UsageError(f"{path}: it declares no scenario, so none is called {name!r}")
    return UsageError(f"{path}: {UsageError.unknown('scenario', name, {each.name for each in scenarios})}")


def _files(path: str) -> list[tuple[Path, str]]:
    """Each scenario file under ``path``: where it lies, and how it is called."""
    real = _resolve(path)
    if real.is_file():
        if real.suffix != ".py":
            raise UsageError(f"{path}: a scenario file is Python, named *.py")
        return [(real, _shown(Path(path)))]
    inside = sorted(file.relative_to(real) for file in real.rglob("*.py"))
    visible = [file for file in inside if not any(part.startswith(("_", ".")) for part in file.parts)]
    return [(real / file, _shown(Path(path) / file)) for file in visible]


def _resolve(path: str) -> Path:
    given = Path(path)
    if path and _exists(given):
        return given
    if given.parts[:1] == (DEFAULT_FOLDER,) and not Path(DEFAULT_FOLDER).exists():
        packaged = packaged_folder().joinpath(*given.parts[1:])
        if packaged.exists():
            return packaged
    raise UsageError(f"no file or folder {path!r}; a scenario is named PATH::NAME, or chosen by name with -k NAME")


def _exists(path: Path) -> bool:
    """Also where the name is one that no file can have, or a folder on the way may not be looked into."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _shown(path: Path) -> str:
    """Relative to the working directory where it lies below it, so that reports are the same on every machine."""
    cwd = Path.cwd()
    return path.relative_to(cwd).as_posix() if path.is_relative_to(cwd) else path.as_posix()


def _load(real: Path, shown: str) -> list[Scenario]:
    resolved = real.resolve()
    name = f"nova_scenario_{real.stem}_{zlib.crc32(bytes(resolved)):08x}"  # two files may share a stem
    spec = importlib.util.spec_from_file_location(name, resolved)
    if spec is None or spec.loader is None:
        raise UsageError(f"{shown}: Python cannot load it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        del sys.modules[name]
        raise
    except BaseException as error:  # a test framework's skip, say, or sys.exit
        del sys.modules[name]
        raise UsageError(_why_it_does_not_import(resolved, shown, error)) from error
    declared = [value for value in vars(module).values() if isinstance(value, Scenario)]
    return [replace(each, file=shown) for each in declared if each.function.__module__ == name]


def _why_it_does_not_import(file: Path, shown: str, error: BaseException) -> str:
    """One line: file, line, error."""
    what = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        where = shown if error.filename in (None, str(file)) else error.filename
        line = f":{error.lineno}" if error.lineno is not None else ""
        return f"{where}{line}: SyntaxError: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    where = f"{shown}:{lines[-1]}" if lines else shown
    return f"{where}: {what}" if isinstance(error, UsageError) else f"{where}: {type(error).__name__}: {what}"
