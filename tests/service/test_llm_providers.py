"""Which models may be called, where, for how much: read strictly, routed purely."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ConfigurationError
from service.llm.calls import AttemptLimits, Model, Usage
from service.llm.client import open_providers
from service.llm.endpoints import CallLimits, Providers, host_of, own_address, own_host
from service.llm.pricing import cost_usd, estimate_tokens
from service.llm.providers import KeySource, catalogue_entry, catalogue_names, load_providers
from service.llm.routing import candidates
from service.settings import provider_key

MINE = """providers:
  - name: simulator
    base_url: http://127.0.0.1:8900/v1
    api_key_file: key
    models:
      - {name: simulated-simple, wire_name: "courtsight-sim:simple", context_tokens: 32768, output_tokens: 1024, input_usd_per_million: 0, output_usd_per_million: 0}
      - {name: simulated-dear, wire_name: dear, context_tokens: 32768, output_tokens: 1024, input_usd_per_million: 1, output_usd_per_million: 2, cached_input_usd_per_million: 0.5}
routes:
  simple: [simulated-simple]
  complex: [simulated-dear, simulated-simple]
limits: {connect_seconds: 1, total_seconds: 30}
"""
PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
KEYS = KeySource(lambda name: f"key-of-{name}", private_files=True)
NO_KEYS = KeySource(lambda _: None, private_files=True)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A file of one's own with its key beside it."""
    (tmp_path / "key").write_text("sk-mine\n", encoding="utf-8")
    (tmp_path / "key").chmod(0o600)
    file = tmp_path / "providers.yaml"
    file.write_text(MINE, encoding="utf-8")
    return file


def load(file: Path, keys: KeySource = NO_KEYS, *, external_allowed: bool = True) -> Providers:
    found = load_providers(str(file), keys, external_allowed=external_allowed)
    assert found is not None
    return found


def refused(wanted: str, keys: KeySource = NO_KEYS, *, external_allowed: bool = True) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_providers(wanted, keys, external_allowed=external_allowed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_of_ones_own_is_read(mine: Path) -> None:
    """Endpoint with the key of the file beside it, models with prices, routes, limits with defaults for the rest."""
    found = load(mine)
    (endpoint,) = found.endpoints
    assert (endpoint.name, endpoint.base_url, endpoint.api_key) == ("simulator", "http://127.0.0.1:8900/v1", "sk-mine")
    assert not endpoint.external
    assert found.models[0].free
    assert (found.models[0].cached_input_usd, found.models[1].cached_input_usd) == (0.0, 0.5)
    assert found.routes == {"simple": ("simulated-simple",), "complex": ("simulated-dear", "simulated-simple")}
    assert found.limits == CallLimits(AttemptLimits(1.0, 8.0, 5.0, 25.0), 30.0)
    assert list(open_providers(found, lambda: 0.0)) == ["simulator"]


@pytest.mark.parametrize("wanted", [None, "", "  "])
def test_without_the_setting_there_are_no_providers(wanted: str | None) -> None:
    """An installation without models is one without models."""
    assert load_providers(wanted, NO_KEYS, external_allowed=True) is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("wire_name: dear", "wirename: dear", "providers.0.models.1.wirename: unknown key (did you mean 'wire_name'?)"),
        ("[simulated-simple]", "[simulated-simpel]", "routes.simple: no model 'simulated-simpel' (did you mean"),
        ("complex:", "hard:", "routes.hard"),
        ("name: simulated-dear", "name: simulated-simple", "model 'simulated-simple' is named twice"),
        ("name: simulated-dear", "name: extractive", "model 'extractive' is named twice, or bears a name"),
        ("http://127.0.0.1:8900/v1", "http://llm.example/v1", "use https"),
        ("http://127.0.0.1:8900/v1", "https://user:pass@llm.example/v1", "holds a user or a password"),
        ("http://127.0.0.1:8900/v1", "file:///etc/passwd", "no http or https address"),
        ("http://127.0.0.1:8900/v1", "http://2130706433/v1", "unusual form"),
        ("http://127.0.0.1:8900/v1", "https://8。8。8。8/v1", "no host name"),
        ("http://127.0.0.1:8900/v1", "https://evil.example%2f.local/v1", "no host name"),
        ("api_key_file: key", "api_key_file: none", "cannot be read"),
        ("api_key_file: key", "api_key_file: key\n    api_key_setting: MINE", "keep one"),
        ("output_tokens: 1024", "output_tokens: 99999", "output_tokens must be less than context_tokens"),
        ("limits: {connect_seconds: 1", "limits: {connect_seconds: 0", "limits.connect_seconds"),
        ("routes:", "routes:\nroutes:", "stands twice"),
    ],
)
def test_what_is_wrong_is_named(mine: Path, old: str, new: str, told: str) -> None:
    """File, place and what to do, in one line."""
    assert old in MINE
    mine.write_text(MINE.replace(old, new, 1), encoding="utf-8")
    message = refused(str(mine))
    assert told in message
    assert str(mine) in message


def test_all_missing_members_are_named_at_once(mine: Path) -> None:
    """Prices that nobody gave are asked for together."""
    mine.write_text(MINE.replace(", input_usd_per_million: 0, output_usd_per_million: 0}", "}", 1), encoding="utf-8")
    message = refused(str(mine))
    assert "providers.0.models.0.input_usd_per_million" in message
    assert "providers.0.models.0.output_usd_per_million" in message


def test_all_missing_keys_are_named_at_once() -> None:
    """Two providers without keys give one line with both variables."""
    message = refused("openai, gemini")
    assert "COURTSIGHT_OPENAI_API_KEY (or COURTSIGHT_OPENAI_API_KEY_FILE) is missing" in message
    assert "COURTSIGHT_GEMINI_API_KEY" in message


def test_a_key_that_cannot_be_one_is_refused_without_showing_it() -> None:
    """A line break in a key would become a header of its own."""
    message = refused("openai", KeySource(lambda _: "sk-half\r\nX-Evil: 1", private_files=True))
    assert "holds what no key does" in message
    assert "Evil" not in message


def test_a_key_file_that_others_may_read_is_refused_in_production(mine: Path) -> None:
    """In development it is let be."""
    (mine.parent / "key").chmod(0o640)
    assert "chmod 600" in refused(str(mine))
    assert load(mine, KeySource(lambda _: None, private_files=False)).endpoints[0].api_key == "sk-mine"


def test_external_providers_can_be_forbidden(mine: Path) -> None:
    """With the switch on, a provider outside one's own network stops the start and is named; one inside does not."""
    message = refused("gemini,vllm", KEYS, external_allowed=False)
    assert "gemini is outside your own network" in message
    assert "COURTSIGHT_EXTERNAL_PROVIDERS=forbidden" in message
    assert "vllm" not in message.partition(":")[2]
    assert load(mine, external_allowed=False).endpoints[0].name == "simulator"


def test_a_misspelt_name_of_the_catalogue_is_corrected() -> None:
    """The nearest entry is offered."""
    assert "did you mean 'gemini'?" in refused("gemni")


@pytest.mark.parametrize("name", catalogue_names())
def test_every_entry_of_the_catalogue_can_be_used(name: str) -> None:
    """Each file loads, says where its prices are from, and judges itself external exactly when its address is."""
    found = load_providers(name, KEYS, external_allowed=True)
    assert found is not None
    entry = catalogue_entry(name)
    (endpoint,) = found.endpoints
    assert entry["name"] == endpoint.name == name
    assert entry["external"] is endpoint.external
    assert entry["as_of"] <= dt.date(2026, 11, 21)
    assert entry["prices_source"].startswith(("https://", "none"))
    assert endpoint.base_url.startswith("https://" if endpoint.external else "http://127.0.0.1:")


@pytest.mark.parametrize("name", catalogue_names())
def test_every_entry_of_the_catalogue_stands_in_the_docs(name: str) -> None:
    """The page has a row for each entry with its models, and every setting of a key."""
    (row,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    entry = catalogue_entry(name)
    for model_name in (model["name"] for model in entry["models"]):
        assert model_name in row or model_name.removeprefix("simulated") in row
    assert f"`{entry['api_key_setting']}`" in row or entry["api_key_setting"] is None


def test_the_whole_catalogue_can_be_used_together() -> None:
    """No two entries share a name of a model."""
    found = load_providers(",".join(catalogue_names()), KEYS, external_allowed=True)
    assert found is not None
    assert len(found.endpoints) == len(catalogue_names())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.1.2.3",
        "192.168.0.9",
        "fd00::1",
        "localhost",
        "vllm",
        "llm.internal",
        "a.b.svc",
    ],
)
def test_hosts_of_ones_own(host: str) -> None:
    """Loopback, private addresses, and names that public DNS does not know."""
    assert own_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8",
        "169.254.169.254",
        "0.0.0.0",
        "::ffff:8.8.8.8",
        "llm.example",
        "localhost.example.com",
        "10.example.com",
    ],
)
def test_hosts_of_others(host: str) -> None:
    """Public addresses in any spelling, and link-local ones, which serve the credentials of clouds."""
    assert not own_host(host)
    assert not own_address(host)


def test_http_to_the_outside_needs_a_word() -> None:
    """Only `insecure: true` lets a key travel unencrypted."""
    assert host_of("http://llm.example/v1", insecure=True) == "llm.example"
    assert host_of("https://[::1]:8443/v1") == "::1"
    with pytest.raises(ValueError, match="unencrypted"):
        host_of("http://llm.example/v1")


def test_keys_come_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One of the two, trimmed; an empty variable is none; both, or a file that is not there, stop the start."""
    monkeypatch.delenv("COURTSIGHT_MINE_API_KEY", raising=False)
    assert provider_key("MINE") is None
    monkeypatch.setenv("COURTSIGHT_MINE_API_KEY", " ")
    assert provider_key("MINE") is None
    monkeypatch.setenv("COURTSIGHT_MINE_API_KEY", "a\n")
    assert provider_key("MINE") == "a"
    (tmp_path / "key").write_text("b\n", encoding="utf-8")
    monkeypatch.setenv("COURTSIGHT_MINE_API_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ConfigurationError, match="both set"):
        provider_key("MINE")
    monkeypatch.delenv("COURTSIGHT_MINE_API_KEY")
    assert provider_key("MINE") == "b"
    monkeypatch.setenv("COURTSIGHT_MINE_API_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="COURTSIGHT_MINE_API_KEY_FILE"):
        provider_key("MINE")


def model(name: str, price: float, window: int = 10_000) -> Model:
    return Model(name, "p", name, window, 1_000, price, price * 4, price / 10)


DEAR, CHEAP, FREE, SMALL = model("dear", 5.0), model("cheap", 1.0), model("free", 0.0), model("small", 0.0, 2_000)


def test_free_models_come_first_then_the_cheapest() -> None:
    """Without a route, and ties keep the order of the file."""
    assert candidates((DEAR, CHEAP, FREE, SMALL), {}, "simple", 100, 500) == (FREE, SMALL, CHEAP, DEAR)


def test_a_route_decides_the_order_for_its_complexity() -> None:
    """Only the models of the route, in its order; other complexities go by price."""
    routes = {"complex": ("dear", "free")}
    assert candidates((DEAR, CHEAP, FREE), routes, "complex", 100, 500) == (DEAR, FREE)
    assert candidates((DEAR, CHEAP, FREE), routes, "simple", 100, 500) == (FREE, CHEAP, DEAR)


def test_a_prompt_that_does_not_fit_is_not_sent() -> None:
    """Prompt and answer share the context window; the answer counts with what the model can write at most."""
    assert candidates((SMALL, CHEAP), {}, "simple", 1_500, 501) == (CHEAP,)
    assert candidates((SMALL, CHEAP), {}, "simple", 1_500, 500) == (SMALL, CHEAP)
    assert candidates((SMALL, CHEAP), {"simple": ("small",)}, "simple", 9_500, 5_000) == ()


def test_cached_input_has_a_price_of_its_own_and_reasoning_is_paid_once() -> None:
    """1,000 tokens in, 400 of them cached, 100 out, 60 of them reasoning, at 1, 0.1 and 4 dollars a million."""
    usage = Usage(1_000, 100, cached_tokens=400, reasoning_tokens=60)
    assert cost_usd(usage, CHEAP) == pytest.approx((600 * 1.0 + 400 * 0.1 + 100 * 4.0) / 1e6)
    assert cost_usd(usage, FREE) == 0.0


@given(
    read=st.integers(0, 10**6), cached=st.integers(0, 10**6), written=st.integers(0, 10**6), more=st.integers(0, 10**6)
)
def test_more_tokens_never_cost_less(read: int, cached: int, written: int, more: int) -> None:
    """Cost grows with what is read and written, and is never negative."""
    usage = Usage(read + cached, written, cached)
    less = cost_usd(usage, DEAR)
    assert 0 <= less <= cost_usd(replace(usage, output_tokens=written + more), DEAR)
    assert less <= cost_usd(replace(usage, input_tokens=read + cached + more), DEAR)


@given(st.text(max_size=300), st.text(max_size=300))
def test_an_estimate_grows_with_its_text(one: str, other: str) -> None:
    """More text is never fewer tokens, no text is none, and there are never more tokens than letters."""
    assert estimate_tokens("") == 0
    assert estimate_tokens(one) <= estimate_tokens(one + other) <= estimate_tokens(one) + estimate_tokens(other)
    assert estimate_tokens(one) <= len(one)
