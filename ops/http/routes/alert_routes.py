"""What answers the requests of ``/alerts``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from actors.alerts.planning import AlertForms
from actors.names import NOTIFIER
from engine.directory import Directory
from engine.messages import AlertsChanged
from ops.http.kit.answers import json_answer
from ops.http.kit.bodies import read_body
from ops.http.kit.parameters import NoParameters
from ops.http.kit.problems import BadRequestError, problem
from ops.http.routes.alert_models import (
    AlertDeliveriesParameters,
    AlertDeliveryItem,
    AlertDeliveryPage,
    AlertItem,
    AlertList,
    AlertQueued,
    AlertRemoved,
    AlertRequest,
    AlertTargetItem,
)
from ops.http.routes.alert_targets import TargetMaker, WrongTargetError
from ops.http.server.clients import prefix_of
from storage.errors import StorageError
from storage.postgres.alert_deliveries import AlertDeliveries
from storage.postgres.alert_rules import (
    AlertKind,
    AlertRule,
    AlertRules,
    RuleNameError,
    RuleValues,
    TargetValues,
)
from storage.postgres.alert_values import AlertDraft

__all__ = ["MOST_RULES", "AlertRoutes"]

#: each commit is compared with each rule
MOST_RULES = 100
_LISTS = ("kinds", "channels", "assets", "types", "sides")
_PLAIN = ("name", "enabled", "language", "without_warnings", "quiet_hours")


class AlertRoutes:
    """Answers the requests. Looking up names and the database take time, so each runs in a thread."""

    def __init__(
        self,
        rules: AlertRules,
        deliveries: AlertDeliveries,
        maker: TargetMaker,
        forms: AlertForms,
        directory: Directory,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._rules = rules
        self._deliveries = deliveries
        self._maker = maker
        self._forms = forms
        self._directory = directory
        self._now = now

    async def listing(self, request: Request) -> Response:
        """Answer with all rules."""
        NoParameters.read(request.query_params)

        def work() -> Response:
            return json_answer(AlertList(data=[_item(rule) for rule in self._rules.load()]))

        return await _answered(work)

    async def one(self, request: Request) -> Response:
        """Answer with one rule."""
        NoParameters.read(request.query_params)
        number = _number(request, "id")
        return await _answered(lambda: json_answer(_item(self._rule(number))))

    async def add(self, request: Request) -> Response:
        """Add a rule."""
        NoParameters.read(request.query_params)
        asked = await read_body(request, AlertRequest)
        place = f"{prefix_of(request.scope)}{request.url.path.rstrip('/')}"

        def work() -> Response:
            if len(self._rules.load()) >= MOST_RULES:
                return problem(409, f"There are {MOST_RULES} rules already: remove one first.")
            targets = self._targets(asked, {})
            number = self._rules.add(_values(asked), [target for _, target in targets])
            body = _item(self._rule(number), [target.signing[:1] for _, target in targets])
            return json_answer(body, status=201, headers={"Location": f"{place}/{number}"})

        return await self._written(work)

    async def change(self, request: Request) -> Response:
        """Replace a rule."""
        NoParameters.read(request.query_params)
        number, asked = _number(request, "id"), await read_body(request, AlertRequest)

        def work() -> Response:
            known = {target.id: target.values for target in self._rule(number).targets}
            targets = self._targets(asked, known)
            if not self._rules.change(number, _values(asked), targets):
                raise _unknown(number)
            fresh = {
                target.signing[:1]
                for given, target in targets
                if given is None or target.signing != known[given].signing
            }
            rule = self._rule(number)
            shown = [
                target.values.signing[:1] if target.values.signing[:1] in fresh else ()
                for target in rule.targets
            ]
            return json_answer(_item(rule, shown))

        return await self._written(work)

    async def remove(self, request: Request) -> Response:
        """Remove a rule."""
        NoParameters.read(request.query_params)
        number = _number(request, "id")

        def work() -> Response:
            rule = self._rule(number)
            if not self._rules.remove(number):
                raise _unknown(number)
            return json_answer(AlertRemoved(id=number, name=rule.values.name))

        return await self._written(work)

    async def test(self, request: Request) -> Response:
        """Send a test to each target of a rule."""
        NoParameters.read(request.query_params)
        number = _number(request, "id")

        def work() -> Response:
            rule, now = self._rule(number), self._now()
            form = self._forms.of_test(rule)
            drafts = [
                AlertDraft(
                    rule_id=rule.id,
                    target_id=target.id,
                    source=f"{AlertKind.TEST}:{now.isoformat()}",
                    kind=AlertKind.TEST,
                    posted_at=now,
                    title=form.title,
                    text=form.text,
                    body=form.body,
                    asked=True,
                )
                for target in rule.targets
                if target.off_at is None
            ]
            self._deliveries.add(drafts, now=now)
            return json_answer(AlertQueued(id=number, queued=len(drafts)), 202)

        return await self._written(work)

    async def sent(self, request: Request) -> Response:
        """Answer with what was sent by a rule."""
        asked = AlertDeliveriesParameters.read(request.query_params)
        number = _number(request, "id")
        before = None if asked.cursor is None else int(asked.cursor)

        def work() -> Response:
            self._rule(number)
            found, more = self._deliveries.page(number, before=before, state=asked.state, limit=asked.limit)
            names = [name for name in AlertDeliveryItem.model_fields if name != "webhook_id"]
            items = [
                AlertDeliveryItem(webhook_id=alert.identity, **{name: getattr(alert, name) for name in names})
                for alert in found
            ]
            return json_answer(AlertDeliveryPage(data=items, next_cursor=str(found[-1].id) if more else None))

        return await _answered(work)

    async def retry(self, request: Request) -> Response:
        """Send an alert again."""
        NoParameters.read(request.query_params)
        number, delivery = _number(request, "id"), _number(request, "delivery")

        def work() -> Response:
            self._rule(number)
            if not self._deliveries.retry(number, delivery, now=self._now()):
                return problem(
                    409,
                    f"Alert {delivery} is none of this rule that was given up or left out, or its target is switched off.",
                )
            return json_answer(AlertQueued(id=number, queued=1), 202)

        return await self._written(work)

    def _rule(self, number: int) -> AlertRule:
        found = self._rules.load(number)
        if not found:
            raise _unknown(number)
        return found[0]

    def _targets(
        self, asked: AlertRequest, known: dict[int, TargetValues]
    ) -> list[tuple[int | None, TargetValues]]:
        errors, made, now = [], [], self._now()
        for place, target in enumerate(asked.targets):
            try:
                made.append((target.id, self._maker.make(target, known, now=now)))
            except WrongTargetError as error:
                errors.append((f"targets.{place}.{error.field}", str(error)))
        given = [target.id for target in asked.targets if target.id is not None]
        if len(set(given)) < len(given):
            errors.append(("targets", "a target is given twice"))
        if errors:
            raise BadRequestError(errors)
        return made

    async def _written(self, work: Callable[[], Response]) -> Response:
        response = await _answered(work)
        self._directory.send(NOTIFIER, AlertsChanged())
        return response


# ── small things ─────────────────────────────────────────────────────────────


async def _answered(work: Callable[[], Response]) -> Response:
    try:
        return await run_in_threadpool(work)
    except RuleNameError:
        return problem(409, "Another rule has this name.")
    except StorageError as error:
        return problem(503, f"Alerts cannot be read or changed now: {error}", headers={"Retry-After": "5"})


def _number(request: Request, name: str) -> int:
    text = request.path_params[name]
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadRequestError([(name, "must be a whole number")])
    return int(text)


def _unknown(number: int) -> HTTPException:
    return HTTPException(404, f"There is no rule {number}.")


def _values(asked: AlertRequest) -> RuleValues:
    values: dict[str, Any] = {name: getattr(asked, name) for name in _PLAIN}
    return RuleValues(**values | {name: tuple(dict.fromkeys(getattr(asked, name))) for name in _LISTS})


def _item(rule: AlertRule, fresh: Sequence[tuple[str, ...]] = ()) -> AlertItem:
    """Return a rule as it is shown. ``fresh`` are the secrets that were just made, by the place of the target."""
    shown = dict(enumerate(fresh))
    values: dict[str, Any] = {name: getattr(rule.values, name) for name in _PLAIN}
    return AlertItem(
        id=rule.id,
        **values | {name: list(getattr(rule.values, name)) for name in _LISTS},
        targets=[
            AlertTargetItem(
                id=target.id,
                kind=target.values.kind,
                service=target.values.service,
                url=target.values.masked,
                off_reason=target.off_reason,
                off_at=target.off_at,
                **({"secret": shown[place][0]} if shown.get(place) else {}),
            )
            for place, target in enumerate(rule.targets)
        ],
        created_at=rule.created_at,
        updated_at=rule.updated_at,
    )
