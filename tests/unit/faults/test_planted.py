"""Planted faults name words of the source; a change of the source has to take them along."""

import ast
import shutil
from pathlib import Path

import pytest

from tests.faults.planted import FAULTS, Fault
from tests.faults.stage import SOURCE


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_finds_its_words_and_leaves_python(fault: Fault, tmp_path: Path) -> None:
    copy = tmp_path / fault.path
    copy.parent.mkdir(parents=True)
    shutil.copy(SOURCE / fault.path, copy)

    fault.plant(tmp_path)

    assert ast.parse(copy.read_text()) is not None
    assert copy.read_text() != (SOURCE / fault.path).read_text()
