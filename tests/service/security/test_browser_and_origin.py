"""What browsers are told: which pages may read, what may be framed, loaded and kept (V3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.edge.answer_headers import dressed, fixed_headers
from service.edge.origins import OriginRules, origins
from service.errors import ConfigurationError
from service.settings import Settings, load_settings
from service.telemetry.record import RequestRecord
from tests.service.quotas.test_quota_answers import deployment_with

PAGE = "https://page.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


@pytest.fixture
def open_to(build_house: Callable[..., Any], settings: Settings) -> Callable[..., Any]:
    def make(cors_origins: str, *, credentials: bool = False) -> Any:
        update = {"cors_origins": cors_origins, "cors_credentials": credentials}
        return build_house(wanted=settings.model_copy(update=update))

    return make


def test_a_named_page_may_read_and_no_other(open_to: Callable[..., Any]) -> None:
    """The origin is compared whole: neither a longer, a shorter, another scheme, another port, nor `null` is let in; caches are told."""
    house = open_to(f"{PAGE}, http://localhost:5173")
    allowed = house.send("GET", "/v1/tools", "judge", headers={"Origin": PAGE})
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in allowed.headers
    for foreign in (f"{PAGE}.evil.example", "https://evilpage.example", "http://page.example", f"{PAGE}:444", "null", PAGE.upper(), f"{PAGE}/"):  # fmt: skip
        refused = house.send("GET", "/v1/tools", "judge", headers={"Origin": foreign})
        assert "access-control-allow-origin" not in refused.headers, foreign
        assert refused.headers["vary"] == "Origin"
    assert house.send("GET", "/v1/tools", "judge").headers["vary"] == "Origin"


def test_a_preflight_is_answered_exactly(open_to: Callable[..., Any]) -> None:
    """A known page's methods and headers are granted; an unknown header, method or page is not."""
    house = open_to(PAGE, credentials=True)
    granted = house.send("OPTIONS", "/v1/chat", headers={"Origin": PAGE, **PREFLIGHT})
    assert granted.status_code == 204
    assert granted.headers["access-control-allow-headers"] == "authorization, content-type"
    assert granted.headers["access-control-allow-credentials"] == "true"
    assert granted.headers["vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    for wrong in (
        {"Origin": "https://evil.example", **PREFLIGHT},
        {"Origin": PAGE, **PREFLIGHT, "Access-Control-Request-Method": "TRACE"},
        {"Origin": PAGE, **PREFLIGHT, "Access-Control-Request-Headers": "x-forwarded-for"},
        {"Origin": PAGE, **PREFLIGHT, "Access-Control-Request-Headers": 'x-stainless-"><script>'},
    ):
        refused = house.send("OPTIONS", "/v1/chat", headers=wrong)
        assert refused.status_code == 405
        assert "access-control-allow-methods" not in refused.headers


def test_a_named_page_may_use_openais_client_for_browsers(open_to: Callable[..., Any]) -> None:
    """Its preflight names a dozen headers about itself, and a traced page its trace: nothing reads the former, and all are granted."""
    sent = "authorization,content-type,openai-organization,traceparent,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout"
    told = {"Origin": PAGE, **PREFLIGHT, "Access-Control-Request-Headers": sent}
    granted = open_to(PAGE).send("OPTIONS", "/v1/chat/completions", headers=told)
    assert granted.status_code == 204
    assert granted.headers["access-control-allow-headers"] == sent.replace(",", ", ")


def test_a_named_page_reads_that_it_has_to_wait(
    build_house: Callable[..., Any], settings: Settings, tmp_path: Path
) -> None:
    """A 429 before anybody is known lets the page in as well: without that, it learns of a network error and of no Retry-After."""
    deployment = deployment_with(tmp_path, address=[{"requests": 1, "seconds": 60}])
    update = {"cors_origins": PAGE, "deployment": deployment, "load_test_networks": "none"}
    house = build_house(wanted=settings.model_copy(update=update))
    answers = [house.send("GET", "/v1/tools", headers={"Origin": PAGE}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [401, 429]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {PAGE}
    assert "Retry-After" in answers[1].headers["access-control-expose-headers"]


def test_without_pages_nothing_is_said_of_origins(house: Any) -> None:
    """The default lets no page of another origin read."""
    response = house.send("GET", "/v1/tools", "judge", headers={"Origin": PAGE})
    assert not any(name.startswith("access-control") for name in response.headers)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CORS_ORIGINS": "*", "CORS_CREDENTIALS": "true"}, "name the origins"),
        ({"CORS_ORIGINS": "https://page.example/path"}, "no origin"),
        ({"CORS_ORIGINS": "page.example"}, "no origin"),
        ({"CORS_ORIGINS": "https://*.example"}, "no origin"),
        ({"LOAD_TEST_NETWORKS": "0.0.0.0/0"}, "too wide"),
        ({"LOAD_TEST_NETWORKS": "many"}, "LOAD_TEST_NETWORKS"),
        ({"ALLOWED_HOSTS": "*"}, "no name of a host"),
        ({"ALLOWED_HOSTS": "chat.example, https://chat.example"}, "no name of a host"),
        ({"ALLOWED_HOSTS": "::1"}, "no name of a host"),
    ],
)
def test_a_start_with_an_open_door_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    """A wildcard with credentials, what is no origin, the whole internet as a load generator, and names that no client sends end the start by name."""
    for name, value in variables.items():
        monkeypatch.setenv(f"COURTSIGHT_{name}", value)
    with pytest.raises(ConfigurationError, match=words):
        load_settings()


@pytest.mark.parametrize(
    "names",
    ["chat.example, [::1]", "Chat.Example:8443", "localhost,127.0.0.1", "courtsight_web", "[2001:db8::1]:80", ""],
)
def test_names_that_clients_send_are_taken(monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    """Names, addresses, ports, and those of containers, which may hold an underscore."""
    monkeypatch.setenv("COURTSIGHT_ALLOWED_HOSTS", names)
    assert load_settings().hosts == {name.strip().lower() for name in names.split(",") if name}


def test_an_origin_of_many_characters_is_judged_and_refused() -> None:
    """What is no origin is named, however long."""
    with pytest.raises(ValueError, match="no origin"):
        origins("https://" + "a." * 2_500)


def test_every_answer_guards_the_browser(house: Any) -> None:
    """Problems, answers, probes and unknown paths: no sniffing, no frames, no referrer, nothing loaded, nothing kept."""
    for method, path in (("GET", "/v1/tools"), ("GET", "/nowhere"), ("GET", "/health/live"), ("POST", "/v1/chat")):
        headers = house.send(method, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "geolocation=()" in headers["permissions-policy"]
        assert "server" not in headers


def test_tls_is_demanded_in_production_only() -> None:
    """HSTS for a year with subdomains in production; on a developer's loopback it would lock out plain http."""
    assert dict(fixed_headers(production=True))[b"strict-transport-security"] == b"max-age=31536000; includeSubDomains"
    assert b"strict-transport-security" not in dict(fixed_headers(production=False))


def test_a_page_brings_a_policy_of_its_own() -> None:
    """A header that the answer set stands once, and is its own."""
    own = [(b"content-security-policy", b"default-src 'self'"), (b"cache-control", b"max-age=60")]
    headers = dressed(own, RequestRecord("r", "t", 0.0), fixed_headers(production=False))
    assert [value for name, value in headers if name == b"content-security-policy"] == [b"default-src 'self'"]
    assert [value for name, value in headers if name == b"cache-control"] == [b"max-age=60"]


def test_hosts_that_are_named_are_the_only_ones(build_house: Callable[..., Any], settings: Settings) -> None:
    """A foreign name is 421 in the form of all errors, before anything else; probes ask by address and are answered."""
    house = build_house(wanted=settings.model_copy(update={"allowed_hosts": "chat.example, [::1]"}))
    for host in ("chat.example", "CHAT.example:8443", "[::1]:8000", "[::1]"):
        assert house.send("GET", "/v1/tools", headers={"Host": host}).status_code == 401, host
    for host in ("evil.example", "chat.example.evil.example", "chat.example:x", "chat.example@evil.example", "x/health?a=", ""):  # fmt: skip
        refused = house.send("GET", "/v1/tools", headers={"Host": host})
        assert (refused.status_code, refused.json()["code"]) == (421, "host_refused"), host
    assert house.send("GET", "/health/live", headers={"Host": "10.0.0.7:8000"}).status_code == 200


def test_a_wildcard_says_so_and_gives_no_credentials() -> None:
    """Whoever lets every page read, lets none bring cookies."""
    rules = OriginRules.of(["*"], credentials=False)
    assert (b"access-control-allow-origin", b"*") in rules.answer_headers(b"https://any.example")
    assert not any(name == b"access-control-allow-credentials" for name, _ in rules.answer_headers(b"null"))
