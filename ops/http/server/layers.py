"""The layers that every request passes before its route, in their order: of the engine, and of the reference gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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
from ops.http.server.limits import RateLimit, RatePolicy
from ops.http.server.middleware import RequestMiddleware

__all__ = ["request_layers"]


def request_layers(
    *,
    policy: GuardPolicy,
    rate: RatePolicy,
    proxies: Proxies,
    metrics: Metrics,
    clock: Clock,
    root_path: str = "",
    refuse: Refuse = problem,
    is_served: Callable[[Scope], bool] = lambda _: True,
    unexpected: Callable[[Request, Exception], Awaitable[Response]] = problem_of_unexpected,
) -> list[Middleware]:
    """Return the layers, the outermost first. ``refuse`` and ``unexpected`` give errors the form of the service.

    ``is_served`` tells whether a route serves a request; one that none serves needs no key to be told so.
    """
    return [
        Middleware(
            RequestMiddleware,
            proxies=proxies,
            metrics=metrics,
            clock=clock,
            root_path=root_path,
            unexpected=unexpected,
        ),
        *([Middleware(CrossOrigin, origins=policy.origins)] if policy.origins_setting else []),
        Middleware(
            RateLimit,
            policy=rate,
            has_key=lambda scope: policy.keys.key_of(scope) is not None,
            clock=clock,
            refuse=refuse,
        ),
        Middleware(Guard, policy=policy, clock=clock, refuse=refuse, is_served=is_served),
    ]
