"""A folder that cannot be used is told with the remedy, not by the system's number."""

from pathlib import Path

import pytest

from ops.local.process import LocalServerError
from ops.local.state_folder import make_state_folder


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    for _ in range(2):
        make_state_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("place", ["/proc/none/x", "{}/file", "{}/file/x"])
def test_an_impossible_folder_names_the_remedy(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    folder = place.format(tmp_path)
    with pytest.raises(LocalServerError, match=r"cannot use the folder .+ --state") as raised:
        make_state_folder(Path(folder))
    assert folder in str(raised.value)
    assert "Errno" not in str(raised.value)
