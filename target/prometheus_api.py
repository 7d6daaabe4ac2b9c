"""The wire to Prometheus: prometheus-api-client with its retries off, and each of its troubles turned into one sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util import Retry

from target.errors import PrometheusDown
from target.loopback import is_loopback
from target.trust import authorities, distrust_said


class ClientApi:
    """Puts the questions of `target.prometheus.Api` to a real server; close it, or let it go with the process.

    Retries are off: whoever watches every 200 ms asks again anyway, and a gate that waits has to say so.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(url)
        self._client = PrometheusConnect(
            url=self._url, session=self._session, retry=Retry(total=0), timeout=timeout_seconds
        )
        if self._url.startswith("https:"):
            self._session.verify = authorities()  # behind the client, which sets its own

    def instant(self, query: str, at: float) -> Any:  # noqa: ANN401 - JSON as it came
        """Result of an instant query."""
        return self._ask(lambda: self._client.custom_query(query, params={"time": f"{at:.3f}"}), query)

    def range(self, query: str, start: float, end: float, step_seconds: float) -> Any:  # noqa: ANN401 - as above
        """Result of a range query."""
        first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
        return self._ask(lambda: self._client.custom_query_range(query, first, last, f"{step_seconds:g}"), query)

    def targets(self) -> Any:  # noqa: ANN401 - as above
        """Active targets."""
        return self._ask(lambda: self._client.get_targets(state="active"), "targets")

    def get(self, path: str) -> Any:  # noqa: ANN401 - as above
        """Any other read; the client has no method for alerts and rules."""

        def ask() -> Any:  # noqa: ANN401 - as above
            response = self._session.get(f"{self._url}/api/v1/{path}", timeout=self._timeout)
            if response.status_code != requests.codes.ok:
                raise PrometheusApiClientException(f"HTTP Status Code {response.status_code}")
            return response.json()["data"]

        return self._ask(ask, path)

    def _ask(self, ask: Callable[[], Any], what: str) -> Any:  # noqa: ANN401 - as above
        try:
            return ask()
        except requests.Timeout:
            raise PrometheusDown(
                f"Prometheus at {self._url} gave no answer within {self._timeout:g} s: is it overloaded or stopped?"
            ) from None
        except requests.JSONDecodeError:
            raise PrometheusDown(f"{self._url} gave an answer that is no JSON: is it a Prometheus?") from None
        except requests.RequestException as error:
            distrust = distrust_said(error)
            why = f": {distrust}" if distrust else f" does not answer ({type(error).__name__}): is it running?"
            raise PrometheusDown(f"Prometheus at {self._url}{why}") from None
        except PrometheusApiClientException as error:
            raise PrometheusDown(f"Prometheus at {self._url} refused {what!r}: {error}") from None
