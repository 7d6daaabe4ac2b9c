"""How the chat page is served: its headers, its versions, and what its files may not hold."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.web.shelf import ASSETS, shelf


@pytest.fixture(scope="module")
def names() -> list[str]:
    return sorted(shelf().assets)


def test_the_page_has_a_policy_of_its_own(shipped: Any) -> None:
    """Scripts and styles of this origin alone, nothing inline, no string that becomes markup, no frames."""
    policy = shipped.send("GET", "/").headers.get_list("content-security-policy")
    assert len(policy) == 1
    told = dict(rule.strip().split(" ", 1) for rule in policy[0].split(";"))
    assert told["default-src"] == told["base-uri"] == told["frame-ancestors"] == "'none'"
    assert told["script-src"] == told["style-src"] == told["connect-src"] == "'self'"
    assert (told["require-trusted-types-for"], told["trusted-types"]) == ("'script'", "'none'")
    assert "unsafe" not in policy[0]


def test_the_page_is_asked_for_again_and_its_files_are_kept(shipped: Any, names: list[str]) -> None:
    """A browser that has the page gets 304 for its tag, also one that a proxy weakened; files stay for a year under their version."""
    page = shipped.send("GET", "/")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    tag = page.headers["etag"]
    assert not tag.startswith("W/")
    for condition in (tag, f'"other", W/{tag}', "*"):
        again = shipped.send("GET", "/", headers={"If-None-Match": condition})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert shipped.send("GET", "/", headers={"If-None-Match": '"other"'}).status_code == 200
    for name in names:
        kept = shipped.send("GET", f"/assets/{shelf().version}/{name}")
        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
        other = shipped.send("GET", f"/assets/of-another-version/{name}")
        assert (other.headers["cache-control"], other.content) == ("no-cache", kept.content)


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2F..%2Fapp.py", "..%2Fshelf.py", "style.css%00"])
def test_nothing_else_is_served(shipped: Any, name: str) -> None:
    """Only the files of the page have an address; no name leads out of its folder."""
    answer = shipped.send("GET", f"/assets/{shelf().version}/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_everything_that_the_page_names_is_there(shipped: Any, names: list[str]) -> None:
    """Each address in the page and each import of a module leads to a file, and each file is wanted by one of them."""
    page = shipped.send("GET", "/").text
    wanted = set(re.findall(rf'(?:src|href)="/assets/{shelf().version}/([^"]+)"', page))
    for name in [name for name in names if name.endswith(".js")]:
        wanted |= set(re.findall(r'from "\./([^"]+)"', (ASSETS / name).read_text(encoding="utf-8")))
    assert sorted(wanted) == names


def test_no_file_makes_markup_out_of_text_or_asks_elsewhere(names: list[str]) -> None:
    """No module writes markup, evaluates text or keeps a token, and no file names another machine."""
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|setHTML|localStorage|sessionStorage|document\.cookie"
    for name in [*names, "index.html"]:
        text = (ASSETS / name).read_text(encoding="utf-8")
        assert not re.search(forbidden, text), name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.search(r"\son\w+\s*=|\sstyle\s*=|<style|javascript:", text), name


def test_the_words_for_failures_cover_the_closed_list() -> None:
    """A code that a visitor of the page can meet has words of its own; the rest falls to those of an error inside."""
    words = (ASSETS / "api.js").read_text(encoding="utf-8")
    for code in ("invalid_credentials", "rate_limited", "storage_unavailable", "not_ready", "provider_unavailable", "timeout", "internal",
                 "token_expired", "token_revoked", "origin_refused", "not_found", "too_large", "idempotency_busy"):  # fmt: skip
        assert re.search(rf"\b{code}:", words), code
