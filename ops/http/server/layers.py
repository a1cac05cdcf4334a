"""The layers that every request passes before its route, in their order: of the engine, and of the reference gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from actors.shown.metrics import Metrics
from engine.clock import Clock
from ops.http.kit.problems import problem, problem_of_unexpected
from ops.http.server.clients import Proxies
from ops.http.server.cors import CrossOrigin
from ops.http.server.guard import Guard, GuardPolicy, Refuse
from ops.http.server.limits import RateLimit, Rates
from ops.http.server.middleware import RequestMiddleware

__all__ = ["Access", "request_layers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What decides about a request before its route: by the same the layers decide and the shortcut."""

    policy: GuardPolicy
    rates: Rates
    proxies: Proxies
    metrics: Metrics
    clock: Clock
    root_path: str = ""


def request_layers(
    access: Access,
    *,
    refuse: Refuse = problem,
    is_served: Callable[[Scope], bool] = lambda _: True,
    unexpected: Callable[[Request, Exception], Awaitable[Response]] = problem_of_unexpected,
) -> list[Middleware]:
    """Return the layers, the outermost first. ``refuse`` and ``unexpected`` give errors the form of the service.

    ``is_served`` tells whether a route serves a request; one that none serves needs no key to be told so.
    """
    policy = access.policy
    return [
        Middleware(
            RequestMiddleware,
            proxies=access.proxies,
            metrics=access.metrics,
            clock=access.clock,
            root_path=access.root_path,
            unexpected=unexpected,
        ),
        *([Middleware(CrossOrigin, origins=policy.origins)] if policy.origins_setting else []),
        Middleware(
            RateLimit,
            rates=access.rates,
            has_key=lambda scope: policy.keys.key_of(scope) is not None,
            refuse=refuse,
        ),
        Middleware(Guard, policy=policy, clock=access.clock, refuse=refuse, is_served=is_served),
    ]
