"""Single counters of a chatbot's own `/metrics` page, where no Prometheus watches it."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from target.errors import TargetDown


def counter_total(url: str, name: str, labels: Mapping[str, str]) -> float | None:
    """The sum of a counter's series that carry these labels; None when the page knows no such series.

    Raises:
        TargetDown: The page does not answer, or is none.
    """
    try:
        response = httpx.get(f"{url}/metrics", timeout=10.0, trust_env=False)
        response.raise_for_status()
        families = list(text_string_to_metric_families(response.text))
    except (httpx.HTTPError, ValueError) as error:
        raise TargetDown(f"{url}/metrics gave no usable answer ({type(error).__name__})") from None
    values = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and all(sample.labels.get(label) == value for label, value in labels.items())
    ]
    return sum(values) if values else None
