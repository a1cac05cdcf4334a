"""``/alerts``: the rules of alerts, what was sent by them, and requests to try them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ops.http.kit.answers import JSON
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import NoParameters
from ops.http.routes.alert_models import (
    AlertDeliveriesParameters,
    AlertDeliveryPage,
    AlertItem,
    AlertList,
    AlertQueued,
    AlertRemoved,
    AlertRequest,
)
from ops.http.routes.alert_routes import AlertRoutes

__all__ = ["alert_operations"]

_TO_WRITE = (400, 401, 403, 404, 503)
_WITH_BODY = (400, 401, 403, 408, 409, 413, 503)
_FOLLOWING = {
    name: {"operationId": name, "parameters": {"id": "$response.body#/id"}}
    for name in ("getAlert", "testAlert", "listAlertDeliveries", "removeAlert")
}


def alert_operations(routes: AlertRoutes) -> Sequence[Operation]:
    """Return the operations."""
    make = partial(Operation, tag="alerts", query=NoParameters)
    rule = Answer(description="The rule", body={JSON: AlertItem})
    queued = Answer(description="It is sent within seconds", body={JSON: AlertQueued})
    return [
        make(
            method="GET",
            path="/alerts",
            name="listAlerts",
            summary="The rules of alerts",
            handler=routes.listing,
            answers={200: Answer(description="All rules", body={JSON: AlertList})},
            problems=(400, 503),
        ),
        make(
            method="POST",
            path="/alerts",
            name="addAlert",
            summary="Add a rule; secrets that are made are shown this once",
            handler=routes.add,
            body=AlertRequest,
            answers={
                201: Answer(
                    description="It is added",
                    body={JSON: AlertItem},
                    headers={"Location": "the path of the rule"},
                    links=_FOLLOWING,
                )
            },
            problems=_WITH_BODY,
        ),
        make(
            method="GET",
            path="/alerts/{id}",
            name="getAlert",
            summary="One rule of alerts",
            handler=routes.one,
            answers={200: rule},
            problems=(400, 404, 503),
        ),
        make(
            method="PUT",
            path="/alerts/{id}",
            name="changeAlert",
            summary="Replace a rule; targets that were switched off are on again",
            handler=routes.change,
            body=AlertRequest,
            answers={200: rule},
            problems=(404, *_WITH_BODY),
        ),
        make(
            method="DELETE",
            path="/alerts/{id}",
            name="removeAlert",
            summary="Remove a rule, with what was sent by it",
            handler=routes.remove,
            answers={200: Answer(description="It is removed", body={JSON: AlertRemoved})},
            problems=_TO_WRITE,
        ),
        make(
            method="POST",
            path="/alerts/{id}/test",
            name="testAlert",
            summary="Send a test to each target of a rule",
            handler=routes.test,
            answers={202: queued},
            problems=_TO_WRITE,
        ),
        make(
            method="GET",
            path="/alerts/{id}/deliveries",
            name="listAlertDeliveries",
            summary="What was sent by a rule, and what is due, newest first",
            handler=routes.sent,
            query=AlertDeliveriesParameters,
            answers={200: Answer(description="A page of alerts", body={JSON: AlertDeliveryPage})},
            problems=(400, 404, 503),
        ),
        make(
            method="POST",
            path="/alerts/{id}/deliveries/{delivery}/retry",
            name="retryAlertDelivery",
            summary="Send an alert that was given up or left out again now",
            handler=routes.retry,
            answers={202: queued},
            problems=(*_TO_WRITE, 409),
        ),
    ]
