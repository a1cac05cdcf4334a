"""Sends an alert to whatever Apprise speaks: Telegram, Discord, Slack, ntfy, e-mail and some hundred more.

Apprise makes its connections itself. An audit hook of the interpreter sees each of them with the address that it goes to,
and refuses those that the rules do not allow. It looks only at threads that are sending an alert.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from engine.safe_text import shown
from storage.alerts.address import AddressRules, ForbiddenAddressError
from storage.alerts.outcome import AlertingUnavailableError, Attempt, Verdict

__all__ = ["AppriseSender", "BadTargetError", "Service"]

#: the limits of connecting and of each read; an address may not raise them
CONNECT_S = 4.0
READ_S = 6.0
#: they show a message on the machine of the engine, or speak to no service at all
_NOT_TAKEN = frozenset(
    {
        *(
            "dbus",
            "kde",
            "qt",
            "glib",
            "gnome",
            "macosx",
            "windows",
            "syslog",
            "json",
            "jsons",
            "xml",
            "xmls",
        ),
        *("form", "forms", "apprise", "apprises"),
    }
)


#: services whose own addresses begin with https://; any other such address is a webhook
_NATIVE = (
    "discord.com",
    "discordapp.com",
    "hooks.slack.com",
    "webhook.office.com",
    "chat.googleapis.com",
    "ntfy.sh",
)


#: a shorter part of an address is no token
_SECRET_LENGTH = 6


class BadTargetError(Exception):
    """No target has this address. The text does not quote it, because it may hold a secret."""


class _RefusedConnectionError(OSError):
    """The audit hook has refused a connection."""


class _Watch(threading.local):
    """What the present thread is doing: the rules of its connections while it sends, and what went wrong."""

    rules: AddressRules | None = None
    trouble: str | None = None


_watch = _Watch()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or _watch.rules is None:
        return
    address = arguments[1]
    try:
        if not isinstance(address, tuple):
            raise ForbiddenAddressError("leads to a socket of this machine")  # noqa: TRY301 - as the others
        _watch.rules.check(str(address[0]), int(address[1]))
    except ForbiddenAddressError as error:
        _watch.trouble = str(error)
        raise _RefusedConnectionError(str(error)) from error


class _AppriseLog(logging.Handler):
    """Keeps what Apprise says last of a failure, and lets it into no log: Apprise may quote an answer."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            _watch.trouble = _watch.trouble or record.getMessage()


_begun = threading.Lock()
_is_watched = False


def _library() -> Any:
    """Return the library. The first call loads its plugins, which takes a second and 20 MB, and begins to watch it."""
    global _is_watched  # noqa: PLW0603 - an audit hook is one for the whole process
    with _begun, warnings.catch_warnings():
        if not _is_watched:
            warnings.simplefilter("ignore")  # what plugins import speaks to their authors
        try:
            import apprise  # noqa: PLC0415 - an extra
        except ImportError:
            raise AlertingUnavailableError from None
        if not _is_watched:
            apprise.Apprise.instantiate("json://localhost")
            sys.addaudithook(_audit)
            log = logging.getLogger("apprise")
            log.addHandler(_AppriseLog())
            log.setLevel(logging.WARNING)  # whatever the level of our own log is
            log.propagate = False
            _is_watched = True
    return apprise


@contextmanager
def _watched(rules: AddressRules) -> Iterator[None]:
    _watch.rules, _watch.trouble = rules, None
    try:
        yield
    finally:
        _watch.rules = None


class Service:
    """One address that Apprise knows: the name of its service, and the address without its secrets."""

    def __init__(self, library: Any, plugin: Any) -> None:
        self._library = library
        self._plugin = plugin
        self.name = str(plugin.service_name)
        self.masked = str(plugin.url(privacy=True)).partition("?")[0]

    def notify(self, title: str, text: str) -> bool:
        """Send once, and return whether the service took it."""
        # A service that reads HTML gets our plain text escaped: it would refuse a <. Apprise would do the same, and call the
        # plugin in threads of its own, where nothing watches its connections.
        plugin, plain = self._plugin, self._library.NotifyFormat.TEXT
        convert, form = self._library.conversion.convert_between, plugin.resolve_format(plain)
        if plugin.title_maxlen <= 0:  # the title becomes a part of the body
            title = convert(plain, form, content=title)
        body = convert(plain, form, content=text)
        return bool(plugin.notify(body=body, title=title, body_format=form))


class AppriseSender:
    """Sends to any service that Apprise knows. It is safe for threads."""

    def __init__(self, rules: AddressRules, *, library: Callable[[], Any] = _library) -> None:
        self._rules = rules
        self._library = library

    def service(self, url: str) -> Service | None:
        """Return the service of an address; None for that of a webhook, which begins with http.

        Raises:
            BadTargetError: no service has such an address.
            AlertingUnavailableError: the library is not installed.
        """
        scheme, _, rest = url.partition("://")
        scheme, host = scheme.lower(), re.split("[/:?#]", rest.lower())[0]
        if scheme in ("http", "https") and not host.endswith(_NATIVE):
            return None
        library = self._library()
        plugin = library.Apprise.instantiate(url)
        if plugin is None:
            raise BadTargetError(
                f"is no address that Apprise understands ({shown(scheme)[:20]}://...); "
                "github.com/caronc/apprise lists their forms, https:// is a webhook"
            )
        if not _NOT_TAKEN.isdisjoint(plugin.schemas()):
            raise BadTargetError(f"{scheme}:// is not taken here; for a webhook give its https:// address")
        plugin.socket_connect_timeout, plugin.socket_read_timeout, plugin.retry = CONNECT_S, READ_S, 0
        return Service(library, plugin)

    def send(self, url: str, *, title: str, text: str) -> Attempt:
        """Send once."""
        try:
            service = self.service(url)
        except (BadTargetError, AlertingUnavailableError) as error:
            return Attempt(verdict=Verdict.FAILED, reason=str(error))
        assert service is not None  # noqa: S101 - a webhook's address is not sent here
        with _watched(self._rules):
            try:
                taken = service.notify(title, text)
            except Exception as error:  # noqa: BLE001 - what a hundred plugins may raise
                return Attempt(
                    verdict=Verdict.FAILED, reason=shown(f"{service.name}: {type(error).__name__}")
                )
        if taken:
            return Attempt(verdict=Verdict.SENT)
        reason = _without_secrets(f"{service.name}: {_watch.trouble or 'not taken'}", url)
        return Attempt(verdict=Verdict.FAILED, reason=shown(reason)[:300])


def _without_secrets(text: str, url: str) -> str:
    """Return what Apprise says, without the parts of the address that may be tokens or passwords."""
    for part in re.split(r"[/:@?&=#]+", url.partition("://")[2]):
        for form in {part, unquote(part)}:
            text = text.replace(form, "***") if len(form) >= _SECRET_LENGTH else text
    return text
