"""A warm process's memory is brought together in huge pages: which pieces, when again, and why not."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import io
import itertools
import mmap
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chosen import huge_pages_of
from service.retrieval.lending import Shelf
from service.serving.huge_pages import Gathered, HugePages, Kernel, gather, kernel_here, pieces, share_present
from service.serving.life import Life
from service.serving.warming import warm_until_ready
from service.settings import Settings
from service.telemetry.logging import EventLog

PIECE = 2 << 20
PAGES = PIECE // mmap.PAGESIZE
HERE = 1 << 63
OURS = "rw-p 00000000 00:00 0"


def line(start: int, end: int, rest: str = OURS) -> str:
    return f"{start * PIECE:08x}-{end * PIECE:08x} {rest}"


def stopped() -> float:
    return 0.0


class Machine:
    """A kernel of files, which notes what it is asked and refuses it as told."""

    def __init__(self, folder: Path, maps: list[str], present: dict[int, int]) -> None:
        """So many pages of each numbered piece are in memory."""
        self.asked: list[int] = []
        self.refusals: dict[int, int] = {}
        self.folder = folder
        (folder / "enabled").write_text("always [madvise] never\n")
        (folder / "hpage_pmd_size").write_text(f"{PIECE}\n")
        (folder / "maps").write_text("\n".join(maps) + "\n")
        self.resident(1000)
        with (folder / "pagemap").open("wb") as file:
            for number, pages in present.items():
                file.seek(number * PAGES * 8)
                file.write(struct.pack(f"={PAGES}Q", *[HERE] * pages, *[1] * (PAGES - pages)))

    def resident(self, pages: int) -> None:
        (self.folder / "statm").write_text(f"5000 {pages} 3 4 5 6 7\n")

    def kernel(self) -> Kernel:
        return Kernel(self.folder, self.folder, self._collapse)

    def _collapse(self, start: int, size: int) -> int:
        assert size == PIECE
        self.asked.append(start // PIECE)
        return self.refusals.get(start // PIECE, 0)


class Told:
    """A log whose lines can be read back."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self.log = EventLog(self._out, "debug", stopped)

    def lines(self) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in orjson.loads(one).items() if name != "timestamp"}
            for one in self._out.getvalue().splitlines()
        ]


@pytest.mark.parametrize(
    "rest",
    [
        "rw-s 00000000 00:05 77 /dev/zero (deleted)",
        "rw-s 00000000 00:00 0",
        "r--p 00000000 00:00 0",
        "---p 00000000 00:00 0",
        "rwxp 00000000 00:00 0",
        "rw-p 00001000 fe:00 93 /usr/lib/libpython3.11.so.1.0",
        "rw-p 00000000 00:00 0 [stack]",
        "r--p 00000000 fe:00 94 /srv/library/with a space.col",
    ],
)
def test_nothing_is_touched_but_private_memory_of_no_file(rest: str) -> None:
    """What is shared, a file's, executable, read-only, set aside or the stack stays as it is."""
    assert list(pieces([line(1, 4, rest)], PIECE)) == []


@pytest.mark.parametrize("rest", [OURS, OURS + " ", OURS + "      [heap]"])
def test_memory_without_a_name_and_the_heap_are_cut_into_whole_pieces(rest: str) -> None:
    """Pieces begin at multiples of their size."""
    assert list(pieces([line(1, 4, rest)], PIECE)) == [PIECE, 2 * PIECE, 3 * PIECE]


ranges = st.lists(st.integers(0, 1 << 20), min_size=2, max_size=12, unique=True).map(sorted)


@given(ranges)
def test_a_piece_lies_whole_within_one_mapping(bounds: list[int]) -> None:
    """Wherever mappings begin and end: pieces are aligned, come once, and every aligned one that fits is there."""
    mappings = [(start << 12, end << 12) for start, end in itertools.pairwise(bounds)]
    found = list(pieces([f"{start:x}-{end:x} {OURS}" for start, end in mappings], PIECE))
    fitting = [
        at
        for start, end in mappings
        for at in range(0, 1 << 32, PIECE)
        if start <= at and at + PIECE <= end
    ]  # fmt: skip
    assert found == fitting


@given(st.lists(st.booleans(), min_size=1, max_size=600))
def test_the_share_in_memory_is_counted_by_its_bit_alone(present: list[bool]) -> None:
    """Other bits of an entry say other things."""
    entries = struct.pack(f"={len(present)}Q", *[(HERE if there else 0) | 0x7FFF for there in present])
    assert share_present(entries) == sum(present) / len(present)
    assert share_present(b"") == 0.0


def test_only_pieces_that_are_nearly_full_are_brought_together(tmp_path: Path) -> None:
    """A stack and what is only set aside would take memory that nobody uses; nor is a piece counted that was refused."""
    machine = Machine(tmp_path, [line(1, 6)], {1: PAGES, 2: PAGES // 2, 3: PAGES * 3 // 4, 5: PAGES})
    machine.refusals = {3: errno.EAGAIN}
    assert gather(machine.kernel(), stopped) == Gathered(2 * PIECE, f"madvise: {os.strerror(errno.EAGAIN)}")
    assert machine.asked == [1, 3, 5]


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EBUSY])
def test_a_machine_that_is_short_of_memory_is_not_asked_for_more(tmp_path: Path, number: int) -> None:
    """Without a huge page to give, or at the container's limit, the rest stays as it is."""
    machine = Machine(tmp_path, [line(1, 4)], dict.fromkeys((1, 2, 3), PAGES))
    machine.refusals = {2: number}
    assert gather(machine.kernel(), stopped) == Gathered(PIECE, f"madvise: {os.strerror(number)}")
    assert machine.asked == [1, 2]


def test_an_older_kernel_is_told_by_what_it_would_take(tmp_path: Path) -> None:
    """It answers EINVAL to every piece, and the reason says since when Linux knows the advice."""
    machine = Machine(tmp_path, [line(1, 3)], {1: PAGES, 2: PAGES})
    machine.refusals = dict.fromkeys((1, 2), errno.EINVAL)
    found = gather(machine.kernel(), stopped)
    assert found.size == 0
    assert "Linux 6.1" in found.refused


def test_a_machine_whose_rule_is_never_is_not_asked(tmp_path: Path) -> None:
    """The advice would go over that rule's head: whoever runs the machine has the last word."""
    machine = Machine(tmp_path, [line(1, 3)], {1: PAGES, 2: PAGES})
    (tmp_path / "enabled").write_text("always madvise [never]\n")
    assert gather(machine.kernel(), stopped) == Gathered(0, f"{tmp_path / 'enabled'} is never")
    assert machine.asked == []


@pytest.mark.parametrize("name", ["enabled", "hpage_pmd_size", "maps", "pagemap"])
def test_what_cannot_be_read_is_named_and_stops_nothing(tmp_path: Path, name: str) -> None:
    """A kernel without huge pages, or a sandbox that hides a file."""
    machine = Machine(tmp_path, [line(1, 3)], {1: PAGES, 2: PAGES})
    (tmp_path / name).unlink()
    found = gather(machine.kernel(), stopped)
    assert found == Gathered(0, f"{tmp_path / name} cannot be read ({os.strerror(errno.ENOENT)})")
    assert machine.asked == []


def ticking() -> Callable[[], float]:
    """A clock that goes on by 0.4 s each time that it is read."""
    moments = itertools.count()
    return lambda: next(moments) * 0.4


def test_it_takes_a_second_at_most_and_goes_on_at_the_next_look(tmp_path: Path) -> None:
    """What was cut short is looked at again though memory has not grown."""
    machine, told = Machine(tmp_path, [line(1, 9)], dict.fromkeys(range(1, 9), PAGES)), Told()

    async def story() -> None:
        pages = HugePages(machine.kernel(), ticking(), told.log)
        await pages.begin()
        assert machine.asked == [1, 2]
        await pages.look()

    asyncio.run(story())
    assert machine.asked == [1, 2, 1, 2]
    assert told.lines() == [
        {"level": "info", "event": "huge_pages", "mib": 4},
        {"level": "debug", "event": "huge_pages", "mib": 4},
    ]


def test_memory_that_has_grown_by_a_tenth_is_looked_at_again(tmp_path: Path) -> None:
    """Before it has begun, and while memory has hardly grown, nothing is asked; then all of it, once."""
    machine, told = Machine(tmp_path, [line(1, 2)], {1: PAGES}), Told()
    asked = []

    async def story() -> None:
        pages = HugePages(machine.kernel(), stopped, told.log)
        await pages.look()
        asked.append(len(machine.asked))
        await pages.begin()
        for resident in (1000, 1099, 1101, 1101, 1200, 1212):
            machine.resident(resident)
            await pages.look()
            asked.append(len(machine.asked))

    asyncio.run(story())
    assert asked == [0, 1, 1, 2, 2, 2, 3]


def test_why_nothing_was_brought_together_is_said_once(tmp_path: Path) -> None:
    """At the start in the log; afterwards only where somebody looks for everything."""
    machine, told = Machine(tmp_path, [], {}), Told()
    (tmp_path / "enabled").write_text("always madvise [never]\n")

    async def story() -> None:
        pages = HugePages(machine.kernel(), stopped, told.log)
        await pages.begin()
        machine.resident(2000)
        await pages.look()

    asyncio.run(story())
    reason = f"{tmp_path / 'enabled'} is never"
    assert told.lines() == [
        {"level": level, "event": "huge_pages", "mib": 0, "reason": reason} for level in ("info", "debug")
    ]


def test_a_process_is_ready_only_behind_it(house: Any, tmp_path: Path) -> None:
    """Nobody's question waits for a piece of memory that is being copied before the process called itself warm."""
    machine, services = Machine(tmp_path, [line(1, 2)], {1: PAGES}), house.app.state.services
    life, ready = Life(["Apa itu hukum pidana?"]), list[bool]()
    shelf: Shelf = services.shelf

    def collapse(_start: int, _size: int) -> int:
        ready.append(life.ready)
        return 0

    pages = HugePages(Kernel(tmp_path, tmp_path, collapse), stopped, Told().log)
    house.run(warm_until_ready(life, services.deployment, shelf, services.store, services.surroundings, pages))
    assert (ready, life.ready, machine.asked) == ([False], True, [])


def test_a_setting_switches_it_off(house: Any) -> None:
    """Nothing is asked of the kernel then, and nothing told."""
    settings, around = Settings.model_construct(huge_pages="off"), house.app.state.services.surroundings
    assert huge_pages_of(settings, around) is None
    if sys.platform.startswith("linux"):
        assert huge_pages_of(Settings.model_construct(huge_pages="auto"), around) is not None


def huge_bytes(address: int) -> int:
    """Bytes in huge pages of the mapping that holds an address."""
    holds = False
    for one in Path("/proc/self/smaps").read_text(errors="replace").splitlines():
        first = one.split()[0]
        if "-" in first and not first.endswith(":"):
            start, end = (int(part, 16) for part in first.split("-"))
            holds = start <= address < end
        elif holds and first == "AnonHugePages:":
            return int(one.split()[1]) * 1024
    return 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux is asked")
def test_real_memory_lies_in_huge_pages_and_holds_what_it_held() -> None:
    """Of a mapping of eight pieces more are huge afterwards, or the reason is told; not a byte has changed."""
    kernel = kernel_here()
    assert kernel is not None
    text = os.urandom(PIECE)
    with mmap.mmap(-1, 8 * PIECE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for number in range(8):
            memory[number * PIECE : (number + 1) * PIECE] = text
        held = ctypes.c_char.from_buffer(memory)
        address = ctypes.addressof(held)
        del held
        before = huge_bytes(address)
        found = gather(kernel, stopped)
        after = huge_bytes(address)
        assert all(memory[number * PIECE : (number + 1) * PIECE] == text for number in range(8))
    # A machine whose rule is `always` had them before; one that is busy may put single pieces off.
    assert after > before or after >= 6 * PIECE or found.refused, found
    assert found.size >= after or found.refused
