"""A headless Chromium for the tests, driven through chromedriver's own protocol (W3C WebDriver) without any package."""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import debian

ASKED = "REDENOISE_BROWSER_TESTS"
PROGRAMS = {"chromium": "chromium", "chromedriver": "chromium-driver"}  # by Debian's package
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name for a reference to an element
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " ", "Shift": "\ue008"}
KEYS |= {"ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015"}
KEYS |= {"Home": "\ue011", "End": "\ue010"}
PERFORMANCE = {"type": "performance"}  # the log that holds what goes over the network
SECONDS = 300  # for one command of a busy machine
# A page of its own width on a phone; the browser's own empty pages have none.
LOOKS = """const [width, scheme] = arguments, fits = document.querySelector("meta[name=viewport]") === null;
return (fits || matchMedia(`(width: ${width}px)`).matches) && matchMedia(`(prefers-color-scheme: ${scheme})`).matches"""
FRAMES = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900"]
ARGUMENTS += ["--no-first-run", "--disable-extensions", "--disable-sync", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-breakpad"]


def install() -> None:
    """Skip the test where there is no browser; Debian's Chromium is installed where `ASKED` asks for it."""
    try:
        debian.provide(PROGRAMS, ASKED)
    except debian.Missing as error:
        pytest.skip(f"no browser: {error}")


class Browser:
    """One window. Elements are named by CSS selectors; a method waits until its element is there."""

    def __init__(self, folder: Path) -> None:
        log = folder / "chromedriver.log"
        self._look: tuple[int, str] | None = None
        command = ["chromedriver", "--port=0", f"--log-path={log}"]
        # A group of its own: whatever the driver starts can then be ended together, also when it no longer answers.
        self._driver = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        try:
            self._url = f"http://127.0.0.1:{self._port()}"
            arguments = [*ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]
            options = {"args": arguments}
            logs = {"browser": "ALL", "performance": "ALL"}
            limits = {"script": SECONDS * 1000, "pageLoad": SECONDS * 1000}
            capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": logs, "timeouts": limits}
            found = self._send("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
            self._url += f"/session/{found['sessionId']}"
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        """End the browser and its driver."""
        try:
            self._send("DELETE", "")
        except (OSError, RuntimeError):
            pass  # It hangs: ended below all the same.
        finally:
            self._end()

    def open(self, path: Path, anchor: str = "") -> None:
        """Load a page from disk and wait until its scripts have run."""
        self._send("POST", "/url", {"url": "about:blank"})  # else a page that differs in its anchor alone stays
        self._send("POST", "/url", {"url": path.resolve().as_uri() + (f"#{anchor}" if anchor else "")})
        if self._look:
            self.wait(LOOKS, *self._look)

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a script returns."""
        return self._send("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_later(self, script: str, *arguments: Any) -> Any:
        """The value that a script hands to its last argument, a function."""
        return self._send("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def wait(self, script: str, *arguments: Any) -> Any:
        """Wait until a script returns something true, and return it."""
        end = time.monotonic() + SECONDS
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)
        return found

    def wait_for(self, expected: Any, script: str, *arguments: Any) -> None:
        """Wait until a script returns a value."""
        end = time.monotonic() + SECONDS
        while (found := self.run(script, *arguments)) != expected:
            assert time.monotonic() < end, f"{found!r} and never {expected!r}: {script}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """What an element shows."""
        return self.wait("const e = document.querySelector(arguments[0]); return e && [e.innerText]", selector)[0]

    def texts(self, selector: str) -> list[str]:
        """What all elements show."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector)

    def click(self, selector: str) -> None:
        """Press an element as a pointer does: one that something covers cannot be pressed."""
        self._send("POST", f"/element/{self._element(selector)}/click", {})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is; a name of `KEYS`, or a letter."""
        actions = []
        for key in keys:
            code = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": code}, {"type": "keyUp", "value": code}]
        self._send("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def focused(self, field: str = "textContent") -> Any:
        """A property of the element that has the focus."""
        return self.run("return document.activeElement[arguments[0]]", field)

    def resize(self, width: int, height: int, dark: bool = False) -> None:
        """The size of the page in CSS pixels, as a phone or a desk has it, and the colour scheme that it prefers.

        Returns when the page has both and has drawn itself anew.
        """
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.command("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", {"features": features})
        self._look = (width, features[0]["value"])
        self.wait(LOOKS, *self._look)
        self.run_later(FRAMES)

    def command(self, name: str, parameters: dict) -> Any:
        """A command of Chromium's own protocol."""
        return self._send("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """The window as PNG, or the whole page."""
        parameters = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.command("Page.getLayoutMetrics", {})["cssContentSize"]
            parameters["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", parameters)["data"]))

    def complaints(self) -> list[str]:
        """What the console has said since the last call: errors of scripts, files that are missing."""
        return [entry["message"] for entry in self._send("POST", "/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """Every address that pages have asked for since the last call; those of the browser's own pages left out."""
        found = [json.loads(entry["message"])["message"] for entry in self._send("POST", "/se/log", PERFORMANCE)]
        asked = [event["params"] for event in found if event["method"] == "Network.requestWillBeSent"]
        own = ("about:", "chrome:", "chrome-untrusted:")
        return [event["request"]["url"] for event in asked if not event["documentURL"].startswith(own)]

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._driver.pid, signal.SIGKILL)
        self._driver.wait()
        self._driver.stdout.close()

    def _element(self, selector: str) -> str:
        self.wait("return document.querySelector(arguments[0]) !== null", selector)
        return self._send("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def _port(self) -> str:
        for line in self._driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return found[1]
        raise RuntimeError(f"chromedriver ended with {self._driver.wait()}")

    def _send(self, method: str, path: str, body: dict | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS + 10) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            problem = json.load(error)["value"]
            raise RuntimeError(f"{problem['error']}: {problem['message'].splitlines()[0]}") from None


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One window for all tests of a file."""
    install()
    browser = Browser(tmp_path_factory.mktemp("browser"))
    try:
        yield browser
    finally:
        browser.close()
