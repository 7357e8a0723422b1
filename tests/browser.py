"""A real browser for tests: Debian's Chromium, driven as a person would, with a picture of each step."""

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PROGRAMS = ("chromium", "chromedriver")
PACKAGES = "chromium chromium-driver"  # of Debian; `.ci/run` installs them
PATIENCE = 60  # seconds
SCREENSHOTS = "BCDL_SCREENSHOTS"
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # Chromium refuses to run as root otherwise
    "--window-size=1600,1000",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing but this machine
)


def require_chromium() -> list[str]:
    """Return the paths of Chromium and its driver; without them a test fails in CI, else it is skipped."""
    found = [shutil.which(program) for program in PROGRAMS]
    if None in found:
        reason = f"needs {' and '.join(PROGRAMS)} in the PATH (apt-get install {PACKAGES})"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return [str(path) for path in found]


@contextmanager
def chromium(profile: Path, pictures: Path) -> Iterator["Page"]:
    """Run a browser with a profile of its own.

    Args:
        profile: folder of the profile.
        pictures: folder of the screenshots; `$BCDL_SCREENSHOTS` wins.
    """
    program, driver = require_chromium()
    options = ChromeOptions()
    options.binary_location = program
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    folder = Path(os.environ.get(SCREENSHOTS, pictures))
    folder.mkdir(parents=True, exist_ok=True)
    browser = Chrome(options=options, service=Service(driver))
    try:
        yield Page(browser, folder)
    finally:
        browser.quit()


@dataclass(frozen=True)
class Page:
    """What a person sees and does.

    Attributes:
        browser: Selenium's browser.
        pictures: folder of the screenshots.
    """

    browser: Chrome
    pictures: Path

    @property
    def text(self) -> str:
        """All text that is to be seen."""
        return self.browser.find_element(By.TAG_NAME, "body").text

    def until(self, look: Callable[[], Any], what: str) -> Any:
        """Return what `look` returns as soon as that is true; fail with a picture after a minute."""
        wait = WebDriverWait(self.browser, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
        try:
            return wait.until(lambda _: look())
        except TimeoutException:
            self.picture("failed")
            pytest.fail(f"waited {PATIENCE} s for {what}; there is:\n{self.text}")

    def sees(self, text: str) -> None:
        """Wait until a text is to be seen."""
        self.until(lambda: text in self.text, f"the text '{text}'")

    def shown(self, selector: str, text: str = "") -> list[WebElement]:
        """Return the elements of a CSS selector that are to be seen and hold a text."""
        found = self.browser.find_elements(By.CSS_SELECTOR, selector)
        return [element for element in found if element.is_displayed() and text in element.text]

    def click(self, selector: str, text: str = "") -> None:
        """Click the first such element, as soon as there is one."""
        self.until(lambda: self.shown(selector, text), f"{selector} '{text}'")[0].click()

    def ask(self, script: str) -> Any:
        """Return what a script returns in the page."""
        return self.browser.execute_script(script)

    def resize(self, width: int, height: int = 900) -> None:
        """Show the page as a screen of so many pixels does, narrower than a window can be too."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def whole_picture(self, name: str) -> None:
        """Keep a screenshot of the whole page, its lower parts too."""
        asked = {"captureBeyondViewport": True, "format": "png"}
        content = self.browser.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]
        (self.pictures / f"{name}.png").write_bytes(base64.b64decode(content))

    def picture(self, name: str) -> None:
        """Keep a screenshot."""
        self.browser.save_screenshot(str(self.pictures / f"{name}.png"))
