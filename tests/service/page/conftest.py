"""The chat page in a real browser, over a real service with two accounts."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.service.page.chromium import Chromium, Tab
from tests.service.test_serve_command import PASSWORD, ROOT, _port, environment, run

JUDGE, CITIZEN = "hakim-uji", "warga-uji"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests of the page are coroutines; they run in the loop that the browser's connection lives in."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    pyfuncitem.funcargs["runner"].run(pyfuncitem.obj(**wanted))
    return True


@dataclass(frozen=True, slots=True)
class Site:
    """Where the page is, and who may enter."""

    origin: str
    judge: str = JUDGE
    citizen: str = CITIZEN
    password: str = PASSWORD


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    # In development nobody on this machine runs into a quota: the tests ask faster than people do.
    env = environment(folder, COURTSIGHT_ENVIRONMENT="development")
    accounts = [
        {"username": JUDGE, "role": "judge", "password": PASSWORD},
        {"username": CITIZEN, "role": "public", "password": PASSWORD},
    ]
    lines = "\n".join(orjson.dumps(one).decode() for one in accounts)
    assert run(["accounts", "create-many", "-"], env, lines).returncode == 0
    log = folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", "0"], cwd=ROOT, env=env, stderr=errors
        )
        try:
            yield Site(f"http://127.0.0.1:{_port(process, log)}")
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="package")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="package")
def browser(runner: asyncio.Runner) -> Iterator[Chromium]:
    chromium = Chromium()
    try:
        runner.run(chromium.open())
        yield chromium
    finally:
        runner.run(chromium.close())


OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
def open_tab(runner: asyncio.Runner, browser: Chromium, site: Site) -> Iterator[OpenTab]:
    """Opens pages; at the end each must have asked its own origin alone, opened no dialog and thrown nothing."""
    tabs: list[Tab] = []

    async def opened(width: int = 1280, height: int = 800, scheme: str = "light") -> Tab:
        tab = await browser.tab(site.origin, width, height, scheme)
        tabs.append(tab)
        return tab

    yield opened
    for tab in tabs:
        runner.run(tab.close())
        assert tab.elsewhere() == []
        assert tab.alerts == []
        assert [error for error in tab.errors if not error.startswith("network: Failed to load resource")] == []


@pytest.fixture(scope="package")
def session(runner: asyncio.Runner, browser: Chromium, site: Site) -> list[dict[str, Any]]:
    """The judge's cookie, of one login for all tests: passwords are slow to check on purpose."""

    async def entered() -> list[dict[str, Any]]:
        first = await browser.tab(site.origin)
        await first.log_in(site.judge, site.password)
        cookies: list[dict[str, Any]] = (await browser.call("Storage.getCookies", browserContextId=first.context))[
            "cookies"
        ]
        await first.close()
        return [{"name": one["name"], "value": one["value"], "url": site.origin} for one in cookies]

    return runner.run(entered())


@pytest.fixture
def as_judge(open_tab: OpenTab, session: list[dict[str, Any]]) -> OpenTab:
    """Opens pages in which the judge is logged in."""

    async def entered(width: int = 1280, height: int = 800, scheme: str = "light") -> Tab:
        one = await open_tab(width, height, scheme)
        await one.call("Network.setCookies", cookies=session)
        await one.go()
        assert await one.run("document.body.dataset.view") == "desk"
        return one

    return entered


@pytest.fixture
def tab(runner: asyncio.Runner, as_judge: OpenTab) -> Tab:
    """A page in which the judge is logged in."""

    async def entered() -> Tab:
        return await as_judge()

    return runner.run(entered())


@pytest.fixture
def downloads(runner: asyncio.Runner, browser: Chromium, tab: Tab, tmp_path: Path) -> Path:
    """The folder into which the judge's page saves files."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    runner.run(
        browser.call(
            "Browser.setDownloadBehavior", behavior="allow", browserContextId=tab.context, downloadPath=str(folder)
        )
    )
    return folder
