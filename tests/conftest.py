"""What every test stands on: properties have no time limit, for a busy machine takes its time and nothing here is about speed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
