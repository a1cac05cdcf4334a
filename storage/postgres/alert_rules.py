"""The rules of alerts: who is told of what. A rule has targets, and each target has its own order of alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from psycopg import sql
from psycopg.rows import dict_row

from storage.postgres.database import Cursor, Database
from storage.postgres.feed_positions import FeedPositions

__all__ = [
    "AlertKind",
    "AlertRule",
    "AlertRules",
    "AlertTarget",
    "RuleNameError",
    "RuleValues",
    "TargetValues",
]

#: the secret before the newest one signs for so long after the newest was made
OLD_SECRET_FOR = timedelta(days=1)
_RULE = "name, enabled, language, kinds, channels, assets, types, sides, without_warnings, quiet_hours"
_TARGET = "kind, url, service, masked, signing, rotated_at"
_LOAD = f"""
select rule.id as rule_id, {", ".join(f"rule.{name}" for name in _RULE.split(", "))}, rule.created_at, rule.updated_at,
    target.id as target_id, {", ".join(f"target.{name} as target_{name}" for name in _TARGET.split(", "))},
    target.off_reason, target.off_at
from {{schema}}.alert_rules as rule join {{schema}}.alert_targets as target on target.rule_id = rule.id
where %(id)s::bigint is null or rule.id = %(id)s order by rule.id, target.id
"""  # noqa: S608 - our own column lists


def _named(columns: str) -> str:
    return ", ".join(f"%({name})s" for name in columns.split(", "))


_ADD = f"""
insert into {{schema}}.alert_rules ({_RULE}) values ({_named(_RULE)}) on conflict (name) do nothing returning id
"""  # noqa: S608 - our own column lists
_CHANGE = f"""
update {{schema}}.alert_rules set ({_RULE}, updated_at) = ({_named(_RULE)}, now())
where id = %(id)s and not exists (
    select from {{schema}}.alert_rules as other where other.name = %(name)s and other.id <> %(id)s)
returning id
"""  # noqa: S608 - our own column lists
_ADD_TARGET = f"""
insert into {{schema}}.alert_targets (rule_id, {_TARGET}) values (%(rule_id)s, {_named(_TARGET)})
"""  # noqa: S608 - our own column lists
_CHANGE_TARGET = f"""
update {{schema}}.alert_targets set ({_TARGET}) = ({_named(_TARGET)}), off_reason = null, off_at = null
where id = %(id)s and rule_id = %(rule_id)s
"""  # noqa: S608 - our own column lists
_DROP_TARGETS = "delete from {schema}.alert_targets where rule_id = %(rule_id)s and id <> all(%(kept)s)"
# What quiet hours have postponed is looked at again: they may be others now.
_LOOK_AGAIN = (
    "update {schema}.alert_deliveries set next_at = now() where rule_id = %(id)s and state = 'due' and held"
)
_LEAVE_OUT = """
update {schema}.alert_deliveries set state = 'skipped', reason = 'the rule was switched off', ended_at = now()
where rule_id = %(id)s and state = 'due' and not asked
"""
_REMOVE = "delete from {schema}.alert_rules where id = %(id)s"


class AlertKind(StrEnum):
    """What an alert tells of. ``cancel`` also tells that a message holds no signal any more."""

    SIGNAL = "signal"
    UPDATE = "update"
    RESULT = "result"
    CANCEL = "cancel"
    SYSTEM = "system"
    TEST = "test"


class RuleNameError(Exception):
    """Another rule has this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetValues:
    """Where alerts are sent. ``service`` and ``masked`` may be shown; ``url`` and ``signing`` are secret.

    ``signing`` are the secrets of a webhook, the newest first. ``rotated_at`` is when the newest replaced another.
    """

    kind: Literal["webhook", "apprise"]
    url: str
    service: str
    masked: str
    signing: tuple[str, ...] = ()
    rotated_at: datetime | None = None

    def signing_at(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets to sign by."""
        old_too = self.rotated_at is not None and now < self.rotated_at + OLD_SECRET_FOR
        return self.signing if old_too else self.signing[:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTarget:
    """A target of a rule. One that is off gets nothing until its rule is saved again; ``off_reason`` says why."""

    id: int
    values: TargetValues
    off_reason: str | None = None
    off_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleValues:
    """What a person has chosen. An empty list is every channel, asset, type or side."""

    name: str
    enabled: bool
    language: Literal["pt", "en"]
    kinds: tuple[str, ...]
    channels: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    without_warnings: bool = False
    quiet_hours: str | None = None

    def wants(self, signal: Mapping[str, Any]) -> bool:
        """Return whether the rule is about a signal, by the rules of the list."""
        return (
            (not self.channels or signal["channel"] in self.channels)
            and (not self.assets or signal["asset"] in self.assets)
            and (not self.types or signal["signal_type"].lower() in map(str.lower, self.types))
            and (not self.sides or signal["side"] in self.sides)
            and not (self.without_warnings and signal["warnings"])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """A rule with its targets."""

    id: int
    values: RuleValues
    targets: tuple[AlertTarget, ...]
    created_at: datetime
    updated_at: datetime


class AlertRules:
    """The table of rules. ``positions`` is the place of the reader that sends alerts. All calls may raise ``StorageError``."""

    def __init__(self, database: Database, positions: FeedPositions) -> None:
        self._database = database
        self._positions = positions
        schema = sql.Identifier(database.schema)
        self._load, self._add, self._change, self._add_target, self._change_target, self._drop_targets = (
            sql.SQL(text).format(schema=schema)
            for text in (_LOAD, _ADD, _CHANGE, _ADD_TARGET, _CHANGE_TARGET, _DROP_TARGETS)
        )
        self._look_again, self._leave_out, self._remove = (
            sql.SQL(text).format(schema=schema) for text in (_LOOK_AGAIN, _LEAVE_OUT, _REMOVE)
        )

    def load(self, rule_id: int | None = None) -> tuple[AlertRule, ...]:
        """Return all rules, or the one with this number."""
        rows = self._database.ask(self._load, {"id": rule_id}, dict_row)
        return tuple(_rules_of(rows))

    def add(self, values: RuleValues, targets: Sequence[TargetValues]) -> int:
        """Add a rule and return its number. Commits are followed from here on at the latest.

        Raises:
            RuleNameError: another rule has the name.
        """

        def work(cursor: Cursor) -> int:
            found = cursor.execute(self._add, _values_of(values, _RULE)).fetchone()
            if found is None:
                raise RuleNameError
            self._positions.begin_within(cursor)
            for target in targets:
                cursor.execute(self._add_target, {"rule_id": found["id"], **_values_of(target, _TARGET)})
            return int(found["id"])

        return self._database.write(work)

    def change(
        self, rule_id: int, values: RuleValues, targets: Sequence[tuple[int | None, TargetValues]]
    ) -> bool:
        """Replace a rule. A target with a number stays the same target; one that is not named is removed.

        A target that was switched off is on again. Return False if there is no such rule.

        Raises:
            RuleNameError: another rule has the name.
        """

        def work(cursor: Cursor) -> bool:
            if cursor.execute(self._change, {"id": rule_id, **_values_of(values, _RULE)}).fetchone() is None:
                if not cursor.execute(self._load, {"id": rule_id}).fetchall():
                    return False
                raise RuleNameError
            kept = [number for number, _ in targets if number is not None]
            cursor.execute(self._drop_targets, {"rule_id": rule_id, "kept": kept})
            for number, target in targets:
                statement = self._add_target if number is None else self._change_target
                cursor.execute(statement, {"rule_id": rule_id, "id": number, **_values_of(target, _TARGET)})
            cursor.execute(self._look_again if values.enabled else self._leave_out, {"id": rule_id})
            return True

        return self._database.write(work)

    def remove(self, rule_id: int) -> bool:
        """Remove a rule with all that was sent by it. Return False if there is no such rule."""
        return self._database.write(
            lambda cursor: cursor.execute(self._remove, {"id": rule_id}).rowcount == 1
        )


def _values_of(values: RuleValues | TargetValues, columns: str) -> dict[str, Any]:
    given = {name: getattr(values, name) for name in columns.split(", ")}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _made(row: Mapping[str, Any], columns: str, before: str = "") -> dict[str, Any]:
    found = {name: row[before + name] for name in columns.split(", ")}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _rules_of(rows: Sequence[Mapping[str, Any]]) -> list[AlertRule]:
    targets: dict[int, list[AlertTarget]] = {}
    for row in rows:
        target = AlertTarget(
            id=row["target_id"],
            values=TargetValues(**_made(row, _TARGET, "target_")),
            off_reason=row["off_reason"],
            off_at=row["off_at"],
        )
        targets.setdefault(row["rule_id"], []).append(target)
    first = {row["rule_id"]: row for row in reversed(rows)}
    return [
        AlertRule(
            id=number,
            values=RuleValues(**_made(first[number], _RULE)),
            targets=tuple(of_rule),
            created_at=first[number]["created_at"],
            updated_at=first[number]["updated_at"],
        )
        for number, of_rule in targets.items()
    ]
