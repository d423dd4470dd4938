"""Watches all that a browser does: what breaks on its pages, and whom it calls."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError, WebSocket

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
INLINE = {"data", "blob", "about"}


class Watch:
    """Collects what must not happen in a window; `check` fails with all of it."""

    def __init__(self, window: BrowserContext) -> None:
        self.requests: list[str] = []
        self.faults: list[str] = []
        window.on("request", self._asked)
        window.on("response", self._answered)
        window.on("console", self._said)
        window.on("weberror", self._broke)
        window.on("page", lambda page: page.on("websocket", self._connected))

    def check(self) -> None:
        assert self.requests, "the browser asked nothing: the watch does not work"
        assert not self.faults, "\n".join(self.faults)

    def _asked(self, request: Request) -> None:
        self._called(request.url)

    def _connected(self, socket: WebSocket) -> None:
        self._called(socket.url)

    def _called(self, url: str) -> None:
        self.requests.append(url)
        address = urlsplit(url)
        if address.scheme not in INLINE and address.hostname not in LOOPBACK:
            self.faults.append(f"called outside: {url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status} from {response.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type} on {message.page and message.page.url}: {message.text}")

    def _broke(self, error: WebError) -> None:
        self.faults.append(f"error on {error.page and error.page.url}: {error.error}")
