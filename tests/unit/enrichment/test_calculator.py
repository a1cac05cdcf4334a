"""The process that computes indicators, without its libraries and when it does not answer."""

from __future__ import annotations

import pytest

from actors.analysis.questions import Question
from actors.enrichment.calculator import Calculator, CalculatorError
from tests.support.markets import POSTED


def test_without_the_extra_every_value_says_so() -> None:
    calculator = Calculator()
    calculator.installed = False
    (found,) = calculator.ask(Question([], [(POSTED, None)]))
    assert set(found.missing.values()) == {"not_installed"}
    assert found.missing.keys() == found.values.keys()


def test_a_process_that_does_not_answer_in_time_is_ended() -> None:
    calculator = Calculator(longest_s=0)
    with pytest.raises(CalculatorError, match="ended with code -9"):
        calculator.ask(Question([], [(POSTED, None)]))
    calculator.close()
