"""Requests of targets as values to store: each address is checked, and secrets are made."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from ops.http.routes.alert_models import AlertTargetRequest
from storage.alerts.address import AddressRules, ForbiddenAddressError
from storage.alerts.apprise_target import BadTargetError, find_service
from storage.alerts.outcome import AlertingUnavailableError
from storage.alerts.webhook import is_signing_secret, new_signing_secret, signature_headers
from storage.postgres.alert_rules import TargetValues

__all__ = ["TargetMaker", "WrongTargetError"]


class WrongTargetError(Exception):
    """A target cannot be taken. ``field`` is the field of the request that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TargetMaker:
    """Makes targets. Names of hosts are looked up, so this may take seconds."""

    def __init__(self, addresses: AddressRules) -> None:
        self._addresses = addresses

    def make(
        self, asked: AlertTargetRequest, known: Mapping[int, TargetValues], *, now: datetime
    ) -> TargetValues:
        """Return a target. ``known`` are those that the rule has already.

        Raises:
            WrongTargetError: what is wrong with the request.
        """
        before = None if asked.id is None else known.get(asked.id)
        if asked.id is not None and before is None:
            raise WrongTargetError("id", "the rule has no such target")
        if asked.url is None and before is None:
            raise WrongTargetError("url", "must be given for a new target")
        base = before if asked.url is None else self._of_url(asked.url)
        assert base is not None  # noqa: S101 - one of the two is there
        if base.kind == "apprise":
            if asked.secret is not None or asked.new_secret:
                raise WrongTargetError("secret", "is for webhooks only")
            return base
        return self._signed(base, asked, before, now)

    def _of_url(self, url: str) -> TargetValues:
        try:
            if (service := find_service(url)) is not None:
                self._check_literal(url)
                return TargetValues(kind="apprise", url=url, service=service.name, masked=service.masked)
            self._addresses.check_url(url)
        except (AlertingUnavailableError, BadTargetError, ForbiddenAddressError) as error:
            raise WrongTargetError("url", str(error)) from None
        parts = urlsplit(url)
        hidden = "/***" if parts.path.strip("/") or parts.query else ""
        return TargetValues(
            kind="webhook", url=url, service="webhook", masked=f"{parts.scheme}://{parts.netloc}{hidden}"
        )

    def _check_literal(self, url: str) -> None:
        """Refuse an address of a service that names a forbidden host by its number. Names are checked when it is sent."""
        try:
            parts = urlsplit(url)
            host, port = str(parts.hostname), parts.port or 0
            ipaddress.ip_address(host)
        except ValueError:
            return
        self._addresses.check(host, port)

    @staticmethod
    def _signed(
        base: TargetValues, asked: AlertTargetRequest, before: TargetValues | None, now: datetime
    ) -> TargetValues:
        former = before.signing if before else ()
        secret = (
            new_signing_secret()
            if asked.secret is None and (asked.new_secret or not former)
            else asked.secret
        )
        if secret is not None and not is_signing_secret(secret):
            raise WrongTargetError(
                "secret", "must be whsec_ and 24 to 64 bytes in Base64; leave it out to be given one"
            )
        changed = secret is not None and secret != next(iter(former), None)
        signing = (secret, *former[:1]) if changed and secret else former
        try:
            signature_headers(b"", identity="", signing=signing, at=now)
        except AlertingUnavailableError as error:
            raise WrongTargetError("url", str(error)) from None
        return TargetValues(
            kind=base.kind,
            url=base.url,
            service=base.service,
            masked=base.masked,
            signing=signing,
            rotated_at=now if changed and former else before.rotated_at if before else None,
        )
