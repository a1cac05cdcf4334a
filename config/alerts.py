"""The settings of alerts: what is news, where they may be sent, and the address of their links."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from config.fields import Group, Names, env_names

__all__ = ["AlertSettings"]


class AlertSettings(Group):
    """Alerts. Rules say who is told of what."""

    public_url: str = Field(
        default="",
        validation_alias=env_names("TP_CAPITAL_PUBLIC_URL"),
        description="address under which readers reach this service, such as `https://signals.example`; alerts link to their "
        "signals there, and have no link without it",
    )
    news_s: int = Field(
        default=600,
        ge=10,
        le=86_400,
        validation_alias=env_names("TP_CAPITAL_ALERT_NEWS_S"),
        description="seconds after its posting in which a message is news; alerts tell of nothing older",
    )
    silence_h: float = Field(
        default=4,
        ge=0,
        le=80,
        validation_alias=env_names("TP_CAPITAL_ALERT_SILENCE_H"),
        description="hours of B3's sessions without any message after which alerts of the system tell of it; 0 never",
    )
    networks: Names = Field(
        default=(),
        validation_alias=env_names("TP_CAPITAL_ALERT_NETWORKS"),
        description="addresses and networks that are not public and that alerts may be sent to all the same, such as "
        "`10.0.0.0/8`; with `127.0.0.0/8`, webhooks of this machine may have `http://`",
    )

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url:
            return url
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
        except ValueError:
            valid = False
        if not valid or parts.query or parts.fragment or "@" in parts.netloc or " " in url:
            raise ValueError("must be an address such as https://signals.example, without ?, # and password")
        return url.rstrip("/")

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} must be an address or network such as 10.0.0.0/8") from None
        return networks

    @property
    def allowed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks that are not public and are allowed."""
        return tuple(ip_network(network, strict=False) for network in self.networks)

    @property
    def news_for(self) -> timedelta:
        """Return how long a message is news."""
        return timedelta(seconds=self.news_s)

    @property
    def silence_after(self) -> timedelta:
        """Return the silence in sessions that is told; zero is none."""
        return timedelta(hours=self.silence_h)
