import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = [
    Requirement(line)
    for line in (CHECKOUT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
]


def test_constraints_are_exact_versions_without_addresses() -> None:
    assert all(re.fullmatch(r"==[\w.]+", str(pinned.specifier)) for pinned in CONSTRAINTS)
    assert not [pinned for pinned in CONSTRAINTS if pinned.url or canonicalize_name(pinned.name) == "bcdl"]


def test_constraints_hold_every_declared_dependency_at_a_version_that_it_allows() -> None:
    pinned = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in CONSTRAINTS}
    declared = chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for requirement in map(Requirement, declared):
        if requirement.name != "bcdl":
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_lists_its_targets() -> None:
    shown = subprocess.run(["make", "-C", str(CHECKOUT)], capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "test", "test-all", "check", "bench", "ui", "clean"):
        assert re.search(rf"^  {target} ", shown, re.MULTILINE), target


def test_no_module_hides_one_of_pythons_own_from_a_process_that_starts_as_a_script() -> None:
    names = {path.stem for path in (CHECKOUT / "bcdl").iterdir()}
    assert not names & set(sys.stdlib_module_names)
