"""What the documents show works: their Python runs, and their tables hold what the code knows."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from bcdl.configs import compose
from bcdl.data.schema import FINDING_COLUMNS, IMAGE_COLUMNS
from bcdl.parsers import hydra_parser, option_module, option_parser
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space
from bcdl.verbs import HYDRA_VERBS, OPTION_VERBS

CHECKOUT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("experiments/*/*.md")]
)
COMMANDS = [
    pytest.param(line.split("#")[0].strip(), id=f"{path.relative_to(CHECKOUT)}:{number}")
    for path in DOCUMENTS
    for number, line in enumerate(path.read_text().splitlines(), 1)
    if re.match(r"    bcdl [a-z]", line)
]
NAMED = {"run", "resume", "from", "data.path", "data.root"}  # what only the user has


@pytest.mark.filterwarnings("ignore:class . does not occur")
def test_the_python_examples_run(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCDL_TRACKING_ROOT", str(trained))
    blocks = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs" / "python.md").read_text(), re.DOTALL)
    assert len(blocks) >= 5
    names: dict[str, Any] = {}
    exec("\n".join(blocks), names)
    assert names["features"].shape[0] == names["probability"].shape[0]


@pytest.fixture
def own_folder(tmp_path: Path) -> str:
    """The `--config-dir` of the documents: each YAML that they show under the name they give it."""
    shown = r"`private/(\S+\.yaml)`\n\n```yaml\n(.*?)```"
    found = [match for path in DOCUMENTS for match in re.findall(shown, path.read_text(), re.DOTALL)]
    assert found
    for name, content in found:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return str(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_documents_can_be_typed(command: str, own_folder: str) -> None:
    verb, *typed = shlex.split(command)[1:]
    if verb in OPTION_VERBS:
        option_parser(verb, option_module(verb)).parse_intermixed_args(typed)
        return
    options = hydra_parser(verb).parse_intermixed_args(typed)
    given = [text for text in options.overrides if text.split("=")[0] not in NAMED]
    folder = own_folder if options.config_dir else None
    for overrides in _configurations(given) if options.multirun else [given]:
        compose(verb, overrides, folder)


def _configurations(given: list[str]) -> list[list[str]]:
    """Some configurations of a sweep that hold every value."""
    of_sweep = [text for text in given if text.startswith(("sweep", "experiments="))]
    cfg = compose("train", of_sweep)
    settings = Settings.of(cfg.sweep, cfg.callbacks.best.monitor)
    space = Space.of(given, settings.space, settings.when, searching=settings.searching)
    return [space.overrides(point) for point in space.samples()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("columns", [IMAGE_COLUMNS, FINDING_COLUMNS], ids=["images", "findings"])
def test_the_columns_of_the_tables_are_described(columns: dict[str, str]) -> None:
    described = re.findall(r"^\| `(\w+)` ", (CHECKOUT / "docs" / "data.md").read_text(), re.MULTILINE)
    assert set(columns) <= set(described)


def test_every_verb_is_in_the_readme() -> None:
    text = (CHECKOUT / "README.md").read_text()
    assert [verb for verb in (*HYDRA_VERBS, *OPTION_VERBS) if f"bcdl {verb}" not in text] == []
