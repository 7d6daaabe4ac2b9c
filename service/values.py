"""Values that nobody changes, as cheap to make as other objects: an answer makes hundreds of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """A dataclass with slots, equality and a hash, which the type checker holds to be frozen.

    It is not frozen while it runs: a frozen one sets each field through two calls and takes three times as long to make.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
