"""Finding the monitoring tools: PATH first, then the cache, then Debian's packages; never an exception."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import debian, tools
from target.monitoring import ToolPaths

EVERY_FILE = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")


def put_tool(folder: Path, name: str, script: str = "echo tool, version 1.2.3 '(branch: x)'") -> Path:
    """A program that answers --version, or does what `script` says."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


@pytest.fixture
def said() -> list[str]:
    """What the program reports to its user."""
    return []


def test_tools_on_path_are_taken(tmp_path: Path, said: list[str]) -> None:
    """Four running programs on PATH are the four tools, Debian's name of Alertmanager among them; nothing is said."""
    for name in EVERY_FILE:
        put_tool(tmp_path / "bin", name)
    found = tools.find_tools(tmp_path, search_path=str(tmp_path / "bin"), report=said.append)
    assert found.missing() == ()
    assert found.alertmanager == tmp_path / "bin" / "prometheus-alertmanager"
    assert said == []


def test_the_cache_fills_what_path_lacks(tmp_path: Path) -> None:
    """A tool that PATH lacks comes from the project's cache, the others from PATH."""
    put_tool(tmp_path / "bin", "prometheus")
    for name in EVERY_FILE:
        put_tool(tmp_path / ".cache" / "tools" / "usr" / "bin", name)
    found = tools.find_tools(tmp_path, may_fetch=False, search_path=str(tmp_path / "bin"))
    assert found.prometheus == tmp_path / "bin" / "prometheus"
    assert found.promtool == tmp_path / ".cache" / "tools" / "usr" / "bin" / "promtool"


@pytest.mark.parametrize("script", ["exit 1", "echo hello", "kill -9 $$"])
def test_a_program_that_does_not_run_is_not_a_tool(tmp_path: Path, script: str) -> None:
    """A file of the right name that fails, or says no version, is passed over."""
    assert tools.version_of(put_tool(tmp_path, "promtool", script)) is None
    assert tools.look_up("promtool", tmp_path / "cache", str(tmp_path)) is None


def test_the_version_is_read_from_the_tool(tmp_path: Path) -> None:
    """The word after `version` is the version, without its comma."""
    assert tools.version_of(put_tool(tmp_path, "amtool", "echo amtool, version 0.25.0, x >&2")) == "0.25.0"


def test_missing_tools_cost_one_line(tmp_path: Path, said: list[str]) -> None:
    """Without tools and without fetching all four are None, and one line names packages to install."""
    found = tools.find_tools(tmp_path, may_fetch=False, search_path=str(tmp_path), report=said.append)
    assert found == ToolPaths()
    assert len(said) == 1
    assert "UNDECIDED" in said[0]
    assert "\n" not in said[0]


def test_advice_names_each_package_once() -> None:
    """Two tools of one package ask for that package once, and for no other."""
    line = tools.advice(("prometheus", "promtool"), "offline")
    assert line.endswith(("apt-get install prometheus", "brew install prometheus alertmanager"))
    assert "(offline)" in line


def test_a_failed_fetch_never_ends_the_run(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, the reason stands in the one line and the tools are None."""

    def offline(*_: object) -> None:
        raise debian.FetchError("no route to the mirror")

    monkeypatch.setattr(tools, "fetch", offline)
    found = tools.find_tools(tmp_path, search_path=str(tmp_path), report=said.append)
    assert found == ToolPaths()
    assert len(said) == 1
    assert "no route to the mirror" in said[0]


def test_a_cache_that_cannot_be_written_never_ends_the_run(tmp_path: Path, said: list[str]) -> None:
    """A file where the cache folder belongs is a reason in one line, not a crash."""
    (tmp_path / ".cache").write_text("", encoding="utf-8")
    found = tools.find_tools(tmp_path, search_path=str(tmp_path), report=said.append)
    assert found == ToolPaths()
    assert "cache cannot be written" in said[0]


def fake_debian(folder: Path, *, download: str, unpack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts an apt-get and a dpkg-deb on PATH that do what the scripts say; apt's last word tells its step."""
    put_tool(folder, "apt-get", f'case "$*" in *update) exit 0;; *) {download};; esac')
    put_tool(folder, "dpkg-deb", unpack)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


UNPACK_ALL = 'mkdir -p "$3/usr/bin"; for t in {}; do printf "#!/bin/sh\\necho $t, version 9\\n" > "$3/usr/bin/$t"; chmod +x "$3/usr/bin/$t"; done'


def test_fetching_unpacks_into_the_cache(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloaded packages are unpacked into the cache, the download is removed, and the tools are found there."""
    unpack = UNPACK_ALL.format(" ".join(EVERY_FILE))
    fake_debian(tmp_path / "bin", download="touch prometheus.deb", unpack=unpack, monkeypatch=monkeypatch)
    found = tools.find_tools(tmp_path, search_path=str(tmp_path / "none"), report=said.append)
    assert found.missing() == ()
    assert found.promtool == tmp_path / ".cache" / "tools" / "usr" / "bin" / "promtool"
    assert [path.name for path in (tmp_path / ".cache").iterdir() if path.name.startswith("apt")] == []


def test_a_broken_cache_is_fetched_again(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-written tool in the cache does not run, so the packages are fetched over it."""
    put_tool(tmp_path / ".cache" / "tools" / "usr" / "bin", "promtool", "exit 127")
    unpack = UNPACK_ALL.format(" ".join(EVERY_FILE))
    fake_debian(tmp_path / "bin", download="touch prometheus.deb", unpack=unpack, monkeypatch=monkeypatch)
    found = tools.find_tools(tmp_path, search_path=str(tmp_path / "none"), report=said.append)
    assert found.missing() == ()
    assert tools.version_of(tmp_path / ".cache" / "tools" / "usr" / "bin" / "promtool") == "9"


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (("echo W: old >&2; echo E: no such package >&2; exit 100", "true"), "no such package"),
        (("true", "true"), "brought nothing"),
        (("touch a.deb", "echo not an archive >&2; exit 2"), "not an archive"),
    ],
)
def test_each_failing_step_gives_its_reason(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, steps: tuple[str, str], reason: str
) -> None:
    """A failing download, an empty one and a broken archive each end in one line with their own reason."""
    fake_debian(tmp_path / "bin", download=steps[0], unpack=steps[1], monkeypatch=monkeypatch)
    found = tools.find_tools(tmp_path, search_path=str(tmp_path / "none"), report=said.append)
    assert found == ToolPaths()
    assert reason in said[-1]
    assert not (tmp_path / ".cache" / "tools").exists()


other_bytes = st.binary(max_size=50).filter(lambda content: b"/usr/" not in content)


@given(other_bytes, other_bytes)
def test_relocating_moves_nothing(before: bytes, after: bytes) -> None:
    """The templates' path becomes relative, and every other byte stays where it is."""
    program = before + b"/usr/share/prometheus/alertmanager" + after
    moved = debian.relocate(program)
    assert moved == before + b"usr/share/prometheus/alertmanager/" + after


def test_a_program_without_the_path_stays_as_it_is() -> None:
    """Upstream's Alertmanager carries its templates inside: nothing to move."""
    assert debian.relocate(b"\x7fELF usr/share") == b"\x7fELF usr/share"


def test_apt_writes_only_below_the_cache(tmp_path: Path) -> None:
    """Every folder that apt writes to is private; only the installed packages' list is the system's."""
    options = dict(word.split("=", 1) for word in debian.apt_options(tmp_path) if "=" in word)
    assert {
        key: value for key, value in options.items() if value.startswith("/") and not value.startswith(str(tmp_path))
    } == {"Dir::State::status": "/var/lib/dpkg/status"}


def test_the_program_lists_every_tool() -> None:
    """`python -m harness.tools` shows one line per tool, found or missing, and succeeds either way."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "harness.tools"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert all(any(line.startswith(name) for line in done.stdout.splitlines()) for name in tools.NAMES)


def test_the_server_for_tests_lies_in_a_cache_of_its_own(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-server is fetched beside the monitoring tools, which stay as they are, and found there with its libraries."""
    asked: list[tuple[str, ...]] = []

    def unpack(packages: tuple[str, ...], root: Path, report: object, *, into: str, size: str) -> None:
        asked.append(packages)
        program = root / ".cache" / into / "usr" / "bin" / "redis-server"
        program.parent.mkdir(parents=True)
        (root / ".cache" / into / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
        program.write_text("#!/bin/sh\n", encoding="utf-8")
        program.chmod(0o755)

    monkeypatch.setattr(tools, "fetch", unpack)
    first = tools.find_redis(tmp_path, search_path=str(tmp_path), report=said.append)
    again = tools.find_redis(tmp_path, search_path=str(tmp_path), report=said.append)
    assert first == again == tmp_path / ".cache/redis/usr/bin/redis-server"
    assert asked == [tools.REDIS_PACKAGES]
    assert tools.redis_libraries(tmp_path) == str(tmp_path / ".cache/redis/usr/lib/x86_64-linux-gnu")


def test_without_a_network_the_server_for_tests_is_missing_with_advice(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be fetched is None, and one line says what to install."""

    def offline(*_: object, **__: object) -> None:
        raise debian.FetchError("no network")

    monkeypatch.setattr(tools, "fetch", offline)
    assert tools.find_redis(tmp_path, search_path=str(tmp_path), report=said.append) is None
    assert said == [
        "Without redis-server (no network) the tests of Redis fail; install with: apt-get install redis-server"
    ]
