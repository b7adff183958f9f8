"""A person at a browser: signs in, opens pages, and counts what must never happen on them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from belfoot_img.payload import Credentials

VIOLATIONS = """
    () => axe.run(document, {resultTypes: ["violations"]}).then(
        found => found.violations.map(one => one.id + ": " + one.nodes.map(node => node.html).join(" | "))
    )
"""
LISTENS = "window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.violatedDirective))"


def axe() -> str:
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


class Browser:
    def __init__(self, browser):
        self._browser = browser

    @contextmanager
    def visit(self, base: str, *, language: str = "en", dark: bool = False, width: int = 1280, **options):
        context = self._browser.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": 800}, **options
        )
        try:
            visit = Visit(context, base, language)
            yield visit
            assert not visit.trouble, visit.trouble
        finally:
            context.close()


class Visit:
    """One window. ``trouble``: script errors, other hosts, cookies, answers 500 and above, refusals of the policy."""

    def __init__(self, context, base: str, language: str):
        self.base, self.language = base, language
        self.trouble: list[str] = []
        context.add_init_script(LISTENS)
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.trouble.append(f"script: {error}"))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def path(self, path: str) -> str:
        return f"{self.base}/console/{self.language}/{path}"

    def sign_in(self, user: Credentials) -> None:
        self.page.goto(self.path("sign-in"))
        self.page.fill("#name", user.username)
        self.page.fill("#password", user.password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/images")

    def open(self, path: str) -> int:
        """Opens a page in the window's language; returns the status."""
        status = self.page.goto(self.path(path)).status
        self.trouble += self.page.evaluate("window.refused ?? []")
        return status

    def accessibility(self) -> list[str]:
        """What axe-core finds against the page that is open."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe() + "; 0")
        return self.page.evaluate(VIOLATIONS)

    def scrolls_sideways(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    def tab_to(self, selector: str) -> None:
        """Walks by the keyboard until the element has the focus."""
        for _ in range(80):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement?.matches(selector)", selector):
                return
        raise AssertionError(f"the keyboard does not reach {selector}")

    def _heard(self, message) -> None:
        expected = "Failed to load resource" in message.text  # a status of 4xx, which the test itself looks at
        if message.type == "error" and not expected:
            self.trouble.append(f"console: {message.text}")

    def _asked(self, request) -> None:
        if urlsplit(request.url).netloc.rpartition("@")[2] != urlsplit(self.base).netloc:
            self.trouble.append(f"another host: {request.url}")

    def _answered(self, response) -> None:
        if "set-cookie" in response.headers:
            self.trouble.append(f"a cookie: {response.url}")
        if response.status >= 500:
            self.trouble.append(f"{response.status}: {response.url}")
