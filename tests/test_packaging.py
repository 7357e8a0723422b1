"""What is installed finds its configuration and its studies from an empty folder, as a wheel and editable."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
COMMAND = "from bcdl.cli import main; sys.exit(main())"
COMPOSE = ("train", "--cfg", "job", "experiments=demo/four_models")
WHERE = "from bcdl.configs import config_folder; print(config_folder())"

pytestmark = pytest.mark.slow


def install(target: Path, *source: str) -> None:
    """Install bcdl alone into a folder; its dependencies and the build tool come from this environment."""
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), *source]
    subprocess.run(command, check=True, cwd=target.parent, env=clean_environment())


def run(target: Path, working: Path, code: str, *arguments: str) -> str:
    """Return what Python prints that finds the packages of a folder first."""
    working.mkdir(exist_ok=True)
    first = f"import site, sys; site.addsitedir({str(target)!r}); sys.path.insert(0, {str(target)!r}); "
    command = [sys.executable, "-c", first + code, *arguments]
    done = subprocess.run(command, cwd=working, capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert not list(working.iterdir())
    return done.stdout


def clean_environment() -> dict[str, str]:
    return {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "BCDL_TRACKING_ROOT")
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for step in (["-t", "sdist"], ["-t", "wheel"]):
        command = [sys.executable, "-m", "hatchling", "build", *step, "-d", str(folder)]
        subprocess.run(command, check=True, cwd=CHECKOUT, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_configuration_once_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    assert "bcdl/_conf/train.yaml" in names
    assert "bcdl/_conf/experiments/demo/four_models.yaml" in names
    assert "bcdl/shells/completion.bash" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bcdl", "hydra_plugins"}


def test_the_installed_wheel_composes_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    install(site, str(wheel))
    assert run(site, empty, WHERE).startswith(str(site / "bcdl" / "_conf"))
    assert "max_epochs:" in run(site, empty, COMMAND, *COMPOSE)


def test_the_editable_install_composes_the_checkouts_own_files(tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    install(site, "--editable", str(CHECKOUT))
    assert run(site, empty, WHERE) == f"{CHECKOUT / 'conf'}\n"
    assert "max_epochs:" in run(site, empty, COMMAND, *COMPOSE)
