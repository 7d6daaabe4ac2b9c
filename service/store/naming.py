"""What an id looks like, whoever made it."""

from __future__ import annotations

import re

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def is_id(text: str) -> bool:
    """Whether a text may be an id of ours; what is none is not looked for (PostgreSQL refuses a text with NUL in it)."""
    return bool(_ID.fullmatch(text))
