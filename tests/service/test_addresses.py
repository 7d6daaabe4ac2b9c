"""A client cannot choose the address that it is counted under."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ConfigurationError
from service.security.addresses import Proxies, client_address, trusted_proxies


def seen(peer: str | None, forwarded: list[str], proxies: Proxies) -> str:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return client_address({"client": (peer, 1) if peer else None, "headers": headers}, proxies)


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=30), max_size=4))
def test_without_trusted_proxies_the_peer_counts(forged: list[str]) -> None:
    """Whatever X-Forwarded-For says, it changes nothing."""
    lines = [(b"x-forwarded-for", line.encode("latin-1")) for line in forged]
    scope = {"client": ("203.0.113.9", 1), "headers": lines}
    assert client_address(scope, Proxies()) == "203.0.113.9"
    assert client_address(scope, trusted_proxies("10.0.0.0/8")) == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["198.51.100.4"], "198.51.100.4"),
        (["1.1.1.1, 198.51.100.4"], "198.51.100.4"),
        (["1.1.1.1", "198.51.100.4, 10.1.2.3"], "198.51.100.4"),
        (["10.9.9.9, 10.8.8.8"], "10.9.9.9"),
        (["198.51.100.4, nonsense"], "10.0.0.1"),
        ([], "10.0.0.1"),
        ([" , ,"], "10.0.0.1"),
        (["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        (["::ffff:198.51.100.4"], "198.51.100.4"),
        (["1.1.1.1, 198.51.100.4:51234"], "198.51.100.4"),
        (["198.51.100.4:51234, 10.1.2.3:80"], "198.51.100.4"),
        (["[2001:db8:1:2:3::4]:51234"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::4]"], "2001:db8:1:2::/64"),
        (["198.51.100.4:port"], "10.0.0.1"),
    ],
)
def test_behind_a_trusted_proxy_the_last_foreign_hop_counts(forwarded: list[str], address: str) -> None:
    """Hops are read from the right: what a client wrote itself stands left of what the proxy saw."""
    assert seen("10.0.0.1", forwarded, trusted_proxies("10.0.0.0/8, 192.0.2.1")) == address


def test_a_peer_without_an_address_is_unknown() -> None:
    """A socket file has no address; all its clients count as one."""
    assert seen(None, ["1.1.1.1"], trusted_proxies("10.0.0.0/8")) == "unknown"


def test_an_entry_that_is_no_network_is_refused() -> None:
    """The message names the setting and shows how to write one."""
    with pytest.raises(ConfigurationError, match=r"COURTSIGHT_TRUSTED_PROXIES: .*10\.0\.0\.0/8"):
        trusted_proxies("10.0.0.0/8, proxy.internal")


def test_what_a_client_wrote_in_front_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hops are read from the proxy's end, and only as far as they count: thousands in front of them cost nothing."""
    read: list[str] = []

    class Counting:
        def sub(self, _: str, text: str) -> str:
            read.append(text)
            return text

    monkeypatch.setattr("service.security.addresses._PORT", Counting())
    proxies = trusted_proxies("10.0.0.0/8")
    assert seen("10.0.0.1", ["1.1.1.1, " * 3_000 + "198.51.100.4", " , 10.1.2.3"], proxies) == "198.51.100.4"
    assert read == ["10.1.2.3", "198.51.100.4"]


@pytest.mark.parametrize("entry", ["0.0.0.0/0", "0.0.0.0/1, 128.0.0.0/1", "10.0.0.0/8, 8.0.0.0/7", "::/0", "2000::/3"])
def test_strangers_are_no_proxies(entry: str) -> None:
    """Who trusts the whole internet lets each client choose under which address its logins and requests are counted."""
    with pytest.raises(ConfigurationError, match=r"too wide.*name your own proxies"):
        trusted_proxies(entry)


def test_all_of_a_private_network_may_be_proxies() -> None:
    """The widest networks that are anybody's own."""
    assert len(trusted_proxies("10.0.0.0/8, fc00::/7, 172.16.0.0/12").networks) == 3
