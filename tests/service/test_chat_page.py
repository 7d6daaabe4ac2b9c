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


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP ; q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("", False),
        ("*", False),
        ("xgzip", False),
    ],
)
def test_who_reads_gzip_gets_it(shipped: Any, names: list[str], accepted: str, *, packed: bool) -> None:
    """Each file in the form that was asked for, with a tag of its own; what a cache in between keeps is told by `Vary`."""
    for path in ("/", *(f"/assets/{shelf().version}/{name}" for name in names)):
        plain = shipped.send("GET", path, headers={"Accept-Encoding": "identity"})
        asked = shipped.send("GET", path, headers={"Accept-Encoding": accepted})
        assert ("content-encoding" in asked.headers) == packed
        assert asked.content == plain.content
        assert "Accept-Encoding" in asked.headers.get_list("vary")
        assert (asked.headers["etag"] != plain.headers["etag"]) == packed
        if packed:
            assert int(asked.headers["content-length"]) < len(plain.content)
        held = {"Accept-Encoding": accepted, "If-None-Match": asked.headers["etag"]}
        assert shipped.send("GET", path, headers=held).status_code == 304


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_the_head_says_what_the_whole_would(shipped: Any, names: list[str], accepted: str) -> None:
    """HEAD: the headers of GET and no body, 304 and 404 included."""
    for path in ("/", f"/assets/{shelf().version}/{names[0]}", "/assets/x/none.js"):
        headers = {"Accept-Encoding": accepted}
        whole, head = (shipped.send(method, path, headers=headers) for method in ("GET", "HEAD"))
        own = ("etag", "content-type", "content-length", "content-encoding", "vary", "cache-control")
        if whole.status_code == 200:
            assert [head.headers.get(name) for name in own] == [whole.headers.get(name) for name in own]
            assert head.content == b""
            known = {**headers, "If-None-Match": whole.headers["etag"]}
            assert shipped.send("HEAD", path, headers=known).status_code == 304
        assert head.status_code == whole.status_code


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
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|setHTML|localStorage|document\.cookie"
    for name in [*names, "index.html"]:
        text = (ASSETS / name).read_text(encoding="utf-8")
        assert not re.search(forbidden, text), name
        # A question without its answer is kept by its tab, and nothing else is kept anywhere.
        assert ("sessionStorage" in text) == (name == "unanswered.js"), name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.search(r"\son\w+\s*=|\sstyle\s*=|<style|javascript:", text), name


def test_the_words_for_failures_cover_the_closed_list() -> None:
    """A code that a visitor of the page can meet has words of its own; the rest falls to those of an error inside."""
    words = (ASSETS / "api.js").read_text(encoding="utf-8")
    for code in ("invalid_credentials", "rate_limited", "storage_unavailable", "not_ready", "provider_unavailable", "timeout", "internal",
                 "token_expired", "token_revoked", "origin_refused", "not_found", "too_large", "idempotency_busy"):  # fmt: skip
        assert re.search(rf"\b{code}:", words), code
