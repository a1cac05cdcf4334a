"""Typical questions and a batch of 1,000 messages among few signals and among many; the ends of a cursor walk."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import psycopg
from psycopg import sql

from tests.bench.figures import Figure, Goal, in_turn, ratios
from tests.bench.measure import Measure
from tests.bench.messages import put_messages
from tests.bench.scene import Place, Scene, Server
from tests.bench.signal_rows import add_signals, rare_word
from tests.bench.straight_loop import BATCH, loop_over

__all__ = ["MEASURE"]

FEW = 10_000
MOST_TIMES = Goal(most=1.3)
#: an instant to come makes each question another one
_QUESTIONS = {
    "latest page": "/signals?limit=100&to={n}",
    "oldest page": "/signals?limit=100&sort=asc&to={n}",
    "channel": "/signals?limit=100&channel=-100164912713&to={n}",
    "asset": "/signals?limit=100&asset=PETR77&to={n}",
    "side": "/signals?limit=100&side=sell&to={n}",
    "type": "/signals?limit=100&type=Day%20Trade&to={n}",
    "search, frequent word": "/signals?limit=100&search=petr7&to={n}",
    "search, word of one signal": f"/signals?limit=100&search={rare_word(FEW // 2)}&to={{n}}",
}
#: of the page that ends with the oldest signal: microseconds and id
_LAST_CURSOR = "select (extract(epoch from ts) * 1000000)::bigint || '_' || id from {} order by ts, id offset 100 limit 1"


def _run(scene: Scene) -> Iterator[Figure]:
    many = 10_000_000 if scene.scale.large else scene.scale.of(1_000_000, 50_000)
    few, many_place = scene.place(), scene.place()
    for place, count in ((few, FEW), (many_place, many)):
        scene.migrate(place)
        add_signals(scene.engine_url, schema=place.schema, count=count)
    times = f"{many:,} beside {FEW:,}"
    # before an engine reads the channels
    yield from _batches(scene, few, many_place, f"batch of {BATCH:,} messages, {times}")
    with scene.running(few) as few_engine, scene.running(many_place) as many_engine:
        last = "/signals?limit=100&cursor=" + _last_cursor(scene, many_place) + "&to={n}"
        name = f"last page of a cursor walk beside the first, {many:,}"
        yield from _compare(scene, name, (many_engine, last), (many_engine, _QUESTIONS["latest page"]))
        # the dearest question stands last: if it is refused, the others have been asked
        for name, path in _QUESTIONS.items():
            yield from _compare(scene, f"{name}, {times}", (many_engine, path), (few_engine, path))


def _compare(
    scene: Scene, name: str, ours: tuple[Server, str], theirs: tuple[Server, str]
) -> Iterator[Figure]:
    asked = scene.scale.of(15, 3)

    def p50_ms(server: Server, path: str) -> float:
        return server.put(path, connections=1, answers=asked, seconds=5, warm_s=0).p50_ms

    found = in_turn(scene.scale.of(3, 1), {"ours": lambda: p50_ms(*ours), "theirs": lambda: p50_ms(*theirs)})
    yield Figure(name=name, unit="ms (p50)", values=tuple(found["ours"]))
    yield Figure(name=name, unit="x", values=ratios(found["ours"], found["theirs"]), goal=MOST_TIMES)


def _last_cursor(scene: Scene, place: Place) -> str:
    table = sql.Identifier(place.schema, "tp_capital_signals")
    with psycopg.connect(scene.engine_url) as connection:
        found = connection.execute(sql.SQL(_LAST_CURSOR).format(table)).fetchone()
    assert found is not None
    return str(found[0])


def _batches(scene: Scene, few: Place, many: Place, name: str) -> Iterator[Figure]:
    batches = scene.scale.of(5, 2)
    put = {few.schema: 0, many.schema: 0}

    def write_ms(place: Place) -> float:
        first = put[place.schema] + 1
        put[place.schema] += batches * BATCH
        looped = loop_over(
            place,
            lambda: put_messages(
                scene.gateway_url, channel=place.channel, first=first, count=put[place.schema]
            ),
        )
        return statistics.median(looped.writes_s) * 1000

    found = in_turn(scene.scale.of(3, 1), {"many": lambda: write_ms(many), "few": lambda: write_ms(few)})
    yield Figure(name=name, unit="ms (p50)", values=tuple(found["many"]))
    yield Figure(name=name, unit="x", values=ratios(found["many"], found["few"]), goal=MOST_TIMES)


MEASURE = Measure(
    name="growth",
    what="8 questions, a batch and a cursor walk: 1 million signals (--large: 10 million) beside 10,000",
    run=_run,
)
