from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = "from nova_async.scenario import CLEAN, World, scenario\n\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Write a scenario file below an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, body: str, head: str = HEAD) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + body, encoding="utf-8")
        return path

    return write_file
