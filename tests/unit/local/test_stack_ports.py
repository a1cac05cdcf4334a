"""Ports of a stack from what is known of its parts."""

import pytest

from ops.local.stack_ports import OtherPortsError, StackPorts


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, StackPorts()),
        ({"database": 5440, "redis-master": 6381}, StackPorts()),
        ({"database": 25000}, StackPorts.from_base(25000)),
        ({"database": 25000, "redis-replica": 25003, "engine": 25004}, StackPorts.from_base(25000)),
        ({"database": 5440, "pgbouncer": 5441}, StackPorts.from_base(5440)),
        ({"database": 25000, "engine": 4009}, StackPorts(database=25000, engine=4009)),
    ],
)
def test_a_stack_goes_on_with_the_ports_that_are_known(known: dict[str, int], expected: StackPorts) -> None:
    assert StackPorts.from_parts(known) == expected


def test_ports_agree_with_those_of_the_parts_that_run_or_name_them() -> None:
    StackPorts.from_base(25000).agree_with({"database": 25000, "engine": 25004})
    with pytest.raises(OtherPortsError, match="database 25000, engine 25004"):
        StackPorts.from_base(25100).agree_with({"database": 25000, "engine": 25004})
