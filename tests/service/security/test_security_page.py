"""docs/security.md names tests that exist, and every test of this folder stands there or in a file that does."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"^\| [^|]+ \| [^|]+ \| `(tests/[\w/]+\.py)::(test_\w+)` \|$", PAGE, re.MULTILINE)
FLAWS = (
    "CVE-2026-42208", "CVE-2026-35030", "CVE-2026-47101", "#37053", "#39136", "#24530", "#24518", "CVE-2026-34756", "CVE-2026-48710", "CVE-2026-22778",
    "CVE-2026-45349", "CVE-2026-45339", "CVE-2026-44553", "CVE-2026-45400", "PR 21631", "PR 7998", "CVE-2025-69286", "CVE-2026-32717", "CVE-2025-59305",
    "CVE-2026-22218", "CVE-2026-28416", "CVE-2024-24762", "CVE-2025-69228", "#2134", "#227", "CVE-2026-40179", "CVE-2026-27794", "CVE-2026-33634",
)  # fmt: skip
CONTROLS = (
    "Tokens", "Enumeration", "Login flood", "Keys", "Roles", "Objects", "Cache", "Size", "Bombs", "Paths", "ReDoS", "SSRF", "Page", "Cookies", "Injection",
    "Spend", "Files", "Erasure", "Supply", "Metrics", "Logs", "Audit", "YAML", "Evidence",
)  # fmt: skip


def test_every_test_that_the_page_names_exists() -> None:
    """A test that was renamed or removed leaves the page red; so does a row that names none."""
    assert len(NAMED) >= len(FLAWS) + len(CONTROLS)
    assert len(NAMED) == len(re.findall(r"^\| [^|]+ \| [^|]+ \| `tests/", PAGE, re.MULTILINE))
    for file, name in NAMED:
        assert re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), (file, name)  # fmt: skip


def test_every_flaw_and_control_has_its_row() -> None:
    """The closed lists of what broke elsewhere and of what is promised here: none is left out of the page."""
    flaws, _, controls = PAGE.partition("## Controls")
    assert [flaw for flaw in FLAWS if flaw not in flaws] == []
    assert [one for one in CONTROLS if f"\n| {one} |" not in controls] == []
