"""Sends an alert to whatever Apprise speaks: Telegram, Discord, Slack, ntfy, e-mail and some hundred more."""

from __future__ import annotations

import functools
import re
import threading
import warnings
from typing import Any
from urllib.parse import unquote

from engine.safe_text import shown
from engine.timers import Timers
from storage.alerts.address import AddressRules
from storage.alerts.apprise_bounds import CONNECT_S, READ_S, Sending, bound_plugins, sending
from storage.alerts.outcome import AlertingUnavailableError, Attempt, Verdict, bounded_wait_s, is_refusal

__all__ = ["AppriseSender", "BadTargetError", "Service", "find_service"]

#: all requests of an attempt together; several chats of one address are several requests
LONGEST_S = 20.0
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
            "rsyslog",
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
    ".discord.com",
    ".discordapp.com",
    ".hooks.slack.com",
    ".webhook.office.com",
    ".chat.googleapis.com",
    ".ntfy.sh",
)


#: a shorter part of an address is no token
_SECRET_LENGTH = 6


class BadTargetError(Exception):
    """No target has this address. The text does not quote it, because it may hold a secret."""


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
            bound_plugins()
            _is_watched = True
    return apprise


class Service:
    """One address that Apprise knows: the name of its service, and the address without its secrets."""

    def __init__(self, library: Any, plugin: Any) -> None:
        self._library = library
        self._plugin = plugin
        self.name = str(plugin.service_name)
        self.masked = _masked(str(plugin.url(privacy=True)).partition("?")[0])

    def notify(self, title: str, text: str, attempt: Sending) -> bool:
        """Send once, and return whether the service took it."""
        # A service that reads HTML gets our plain text escaped: it would refuse a <. Apprise would do the same, and call the
        # plugin in threads of its own, where nothing watches its connections.
        plugin, plain = self._plugin, self._library.NotifyFormat.TEXT
        convert, form = self._library.conversion.convert_between, plugin.resolve_format(plain)
        if plugin.title_maxlen <= 0:  # the title becomes a part of the body
            title = convert(plain, form, content=title)
        body = convert(plain, form, content=text)
        plugin.throttle = functools.partial(attempt.rest, plugin.throttle)
        return bool(plugin.notify(body=body, title=title, body_format=form))


def find_service(url: str) -> Service | None:
    """Return the service of an address; None for that of a webhook, which begins with http.

    Raises:
        BadTargetError: no service has such an address.
        AlertingUnavailableError: the library is not installed.
    """
    scheme, there, rest = url.partition("://")
    if not there:  # it may be a bare token
        raise BadTargetError("must begin with its kind, such as https://, tgram://, ntfy:// or mailto://")
    scheme, host = scheme.lower(), re.split("[/:?#]", rest.lower())[0]
    if scheme in ("http", "https") and not f".{host}".endswith(_NATIVE):
        return None
    library = _library()
    plugin = library.Apprise.instantiate(url)
    if plugin is None:
        raise BadTargetError(
            f"is no address that Apprise understands ({shown(scheme)[:20]}://...); "
            "docs/alerts.md has examples, github.com/caronc/apprise all forms; https:// is a webhook"
        )
    if not _NOT_TAKEN.isdisjoint(plugin.schemas()):
        raise BadTargetError(f"{scheme}:// is not taken here; for a webhook give its https:// address")
    if getattr(plugin, "detect_owner", False) and not plugin.targets:
        raise BadTargetError(
            "must end with the number of a chat: Telegram tells a bot for a day who wrote to it"
        )
    plugin.socket_connect_timeout, plugin.socket_read_timeout, plugin.retry = CONNECT_S, READ_S, 0
    if plugin.overflow_mode == library.OverflowMode.UPSTREAM:
        # a service would refuse a text that is too long, and hold up those after it
        plugin.overflow_mode = library.OverflowMode.TRUNCATE
    return Service(library, plugin)


class AppriseSender:
    """Sends to any service that Apprise knows. It is safe for threads."""

    def __init__(self, rules: AddressRules, *, timers: Timers, longest_s: float = LONGEST_S) -> None:
        self._rules = rules
        self._timers = timers
        self._longest_s = longest_s

    def send(self, url: str, *, title: str, text: str) -> Attempt:
        """Send once."""
        try:
            service = find_service(url)
        except (BadTargetError, AlertingUnavailableError) as error:
            return Attempt(verdict=Verdict.FAILED, reason=str(error))
        assert service is not None  # noqa: S101 - a webhook's address is not sent here
        with sending(self._rules, self._timers, self._longest_s) as attempt:
            try:
                if service.notify(title, text, attempt):
                    return Attempt(verdict=Verdict.SENT)
            except Exception as error:  # noqa: BLE001 - what a hundred plugins may raise
                attempt.trouble = attempt.trouble or type(error).__name__
        if attempt.wait_s is not None:
            attempt.trouble = f"asks to wait {attempt.wait_s:.0f} s"
        elif attempt.is_cut:
            attempt.trouble = "no answer in time"
        reason = _without_secrets(f"{service.name}: {attempt.trouble or 'not taken'}", url)
        refused = attempt.status is not None and is_refusal(attempt.status)
        return Attempt(
            verdict=Verdict.REFUSED if refused else Verdict.FAILED,
            reason=shown(reason)[:300],
            wait_s=bounded_wait_s(attempt.wait_s),
        )


def _masked(url: str) -> str:
    """Return an address as a reader may see it: topics, phone numbers and names are as good as tokens."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://" + re.sub(r"[^/@:]{5,}", lambda part: f"{part[0][:3]}…", rest)


def _without_secrets(text: str, url: str) -> str:
    """Return what Apprise says, without the parts of the address that may be tokens or passwords."""
    for part in re.split(r"[/:@?&=#]+", url.partition("://")[2]):
        for form in {part, unquote(part)}:
            text = text.replace(form, "***") if len(form) >= _SECRET_LENGTH else text
    return text
