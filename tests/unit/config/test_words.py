"""What pydantic says of a wrong value, in our words."""

from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from config.words import plain_words


class Fruit(StrEnum):
    """Two words to choose from."""

    APPLE = "apple"
    PEAR = "pear"


@pytest.mark.parametrize("kind", [Fruit, Literal["apple", "pear"]])
def test_a_choice_is_told_in_the_same_words_however_it_is_declared(kind: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python("plum")
    assert plain_words(caught.value.errors()[0]) == "must be 'apple' or 'pear'"
