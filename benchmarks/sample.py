"""One measured request, and the file that keeps all of them unrounded."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Sample:
    """A request of a benchmark.

    Attributes:
        cell: `judge/complex`, or a tool's name.
        via: stream, json or tool.
        started_seconds: Since the benchmark began.
        duration_seconds: Request sent to last byte received, unrounded.
        ttft_seconds: First non-empty words received minus request sent; streams only.
        results: Of a tool run alone.
        failure: Why it failed; a failed request counts as infinitely slow.
        model: What the answer says wrote it.
        mismatch: Why an answered request does not belong into this cell: too short, abstained, classed otherwise.
    """

    cell: str
    via: str
    question: str
    started_seconds: float
    duration_seconds: float
    ttft_seconds: float | None = None
    status: int | None = None
    outcome: str = ""
    results: int | None = None
    failure: str = ""
    model: str = ""
    mismatch: str = ""


def samples_csv(samples: Iterable[Sample]) -> bytes:
    """All samples as gzipped CSV, numbers as Python writes them: nothing is lost. The same samples give the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(Sample)]
    writer.writerow(names)
    for sample in samples:
        writer.writerow(["" if getattr(sample, name) is None else getattr(sample, name) for name in names])
    return gzip.compress(text.getvalue().encode(), mtime=0)
