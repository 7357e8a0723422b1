"""Every file of `conf/` and every study composes, builds what it names, and has no key that nothing reads."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.errors import InstantiationException
from hydra.utils import get_object
from lightning import Trainer
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, MissingMandatoryValue

import bcdl
from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.configs import STUDIES, compose, config_folder, group_choices
from bcdl.data import ExamDataModule
from bcdl.models import Classifier
from bcdl.sweeps.agreement import require_agreement
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space
from bcdl.tracking import TrackingStore
from bcdl.verbs import HYDRA_VERBS

TINY = ("data.reader.patients=12", "data.reader.size=[64,32]", "data.batch_size=2", "trainer.accelerator=cpu")
FOLDERS = (
    "busi",
    "cbis_ddsm",
    "cmmd",
    "csaw_cc",
    "dicom_folder",
    "embed",
    "inbreast",
    "mini_mias",
    "rsna",
    "vindr_mammo",
)
NEEDED = {
    **{f"data/{name}": ("data.root=.",) for name in FOLDERS},
    "data/manifest": ("data.path=manifest.csv",),
    "data/breastmnist": ("data.download=true",),
    "data/multi": ("data.stores={here:stores/here}",),
    "encoder/torchvision": ("encoder.name=squeezenet1_1",),
}
HEAVY = {"vit_b_16"}
GPU = {"gpu", "ddp"}
CHOICES = {f"{group}/{name}": path for group, each in group_choices().items() for name, path in each.items()}
GROUPS = sorted({choice.split("/")[0] for choice in CHOICES} - {STUDIES, "hydra"})
STUDY_NAMES = [name.removeprefix(f"{STUDIES}/") for name in CHOICES if name.startswith(STUDIES)]


@cache
def composed(verb: str, *overrides: str) -> DictConfig:
    """The configuration of a verb without Hydra's own part."""
    cfg = compose(verb, list(overrides))
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    return cfg


def chosen(group: str, name: str) -> DictConfig:
    verb = "audit" if group == "audit" else "train"
    return composed(verb, f"{group}={name}", *NEEDED.get(f"{group}/{name}", ())).copy()


def choices(*groups: str) -> list[Any]:
    pairs = [choice.split("/", 1) for choice in CHOICES if choice.split("/")[0] in groups]
    return [
        pytest.param(*pair, marks=[pytest.mark.slow] if pair[1] in HEAVY else [], id="/".join(pair))
        for pair in pairs
    ]


def leaves(node: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in node:
        value = node._get_node(str(key))
        if isinstance(value, DictConfig) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def targets(node: DictConfig) -> Iterator[DictConfig]:
    """Every node that says what to build."""
    if "_target_" in node:
        yield node
    for key in node:
        child = node._get_node(str(key))
        if isinstance(child, DictConfig) and not child._is_none():
            yield from targets(child)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with the file that `data=manifest` asks for."""
    monkeypatch.chdir(tmp_path)
    Path("manifest.csv").write_text("patient_id,path\n")


def build(cfg: DictConfig, data: ExamDataModule, tmp_path: Path) -> Classifier:
    store = TrackingStore(tmp_path, "sqlite://", "bcdl", "0", None)  # type: ignore[arg-type]
    return build_model(cfg, data, store)


@pytest.mark.parametrize("verb", [path.stem for path in config_folder().glob("[!_]*.yaml")])
def test_a_verb_s_configuration_resolves(verb: str) -> None:
    cfg = composed(verb).copy()
    for key in {
        "run",
        "input",
        "out",
    } & cfg.keys():  # a run must be given, and the sheet is named by Hydra's choices
        cfg[key] = "given"
    assert OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize(("group", "name"), choices(*GROUPS))
def test_a_choice_gives_every_key_a_value_that_its_constructor_takes(group: str, name: str) -> None:
    cfg = chosen(group, name)
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    for node in targets(cfg[group]):
        keys = {str(key) for key in node if key not in ("_target_", "_partial_")}
        assert keys <= parameters(get_object(node["_target_"])), node["_target_"]


def parameters(target: Any) -> set[str]:
    """The names that a constructor takes, those that it hands on to its base class too."""
    bases = inspect.getmro(target) if inspect.isclass(target) else ()
    functions = [vars(base).get("__init__") for base in bases] or [target]
    names: set[str] = set()
    for function in filter(None, functions):
        found = inspect.signature(function).parameters.values()
        names |= {each.name for each in found if each.kind != each.VAR_KEYWORD}
        if all(each.kind != each.VAR_KEYWORD for each in found):
            return names
    return names


@pytest.mark.parametrize(("group", "name"), choices("data", "imaging", "preprocess", "augment", "sampler"))
def test_the_data_of_a_choice_can_be_built(group: str, name: str) -> None:
    assert isinstance(build_data(chosen(group, name)), ExamDataModule)


@pytest.mark.parametrize(("group", "name"), choices("preprocess", "augment", "sampler", "imaging"))
def test_the_data_of_a_choice_give_a_training_batch(
    group: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = build_data(composed("train", f"{group}={name}", *TINY, "data.batch_size=8"))
    data.setup()
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    assert batch["image"].shape[:3] == (8, 1, 1)
    assert torch.isfinite(batch["image"]).all()


@pytest.mark.filterwarnings("ignore:class . does not occur")  # in a batch of two
@pytest.mark.parametrize(("group", "name"), choices("model", "encoder", "loss", "optimizer", "scheduler"))
def test_the_model_of_a_choice_takes_one_step(
    group: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    needed = NEEDED.get(f"{group}/{name}", ())
    data = build_data(composed("train", f"{group}={name}", *needed, *TINY))
    model = build(chosen(group, name), data, tmp_path)
    settings = composed("train", "callbacks=no_ema", "trainer.accelerator=cpu", "trainer.max_epochs=1").copy()
    settings.callbacks = {}
    settings.trainer.update(limit_train_batches=1, limit_val_batches=1, enable_checkpointing=False)
    trainer = build_trainer(settings, tmp_path, None)
    trainer.fit(model, data)
    assert trainer.global_step == 1


@pytest.mark.parametrize(("group", "name"), choices("trainer", "callbacks"))
def test_the_trainer_of_a_choice_can_be_built(group: str, name: str, tmp_path: Path) -> None:
    if name in GPU and not torch.cuda.is_available():
        pytest.skip(f"trainer={name} needs a GPU")
    trainer = build_trainer(chosen(group, name), tmp_path, None)
    assert isinstance(trainer, Trainer)


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if choice.startswith("data/")])
def test_every_key_of_the_data_is_read(choice: str) -> None:
    cfg = chosen(*choice.split("/"))
    unread = [key for key in leaves(cfg.data, "data.") if not is_read(cfg, key)]
    assert unread == []


def is_read(cfg: DictConfig, key: str) -> bool:
    """Whether data cannot be built where the key has no value."""
    changed = cfg.copy()
    OmegaConf.update(changed, key, "???")
    try:
        build_data(changed)
    except (MissingMandatoryValue, InterpolationToMissingValueError, InstantiationException):
        return True
    return False


@pytest.mark.parametrize("verb", HYDRA_VERBS)
def test_every_other_key_is_read_by_name(verb: str) -> None:
    source = "\n".join(path.read_text() for path in Path(bcdl.__file__).parent.glob("*.py"))
    cfg = composed(verb)
    nodes = {key: cfg._get_node(key) for key in cfg}
    built = {key for key, node in nodes.items() if isinstance(node, DictConfig) and "_target_" in node}
    built |= {"data", "callbacks", "sweep", "evaluate"}  # Settings refuses what it does not read
    built |= {"columns"}  # and so does read_given
    plain = [key for key in leaves(cfg) if key.split(".")[0] not in built]
    assert plain
    unread = [key for key in plain if not re.search(rf'cfg\.{re.escape(key)}\b|cfg\["{key}"\]', source)]
    assert unread == []


@pytest.mark.parametrize("name", STUDY_NAMES)
def test_a_study_composes_with_every_value_that_it_sweeps(name: str) -> None:
    cfg = compose("train", [f"experiments={name}"])
    settings = Settings.of(cfg.sweep, cfg.callbacks.best.monitor)
    space = Space.of([], settings.space, settings.when, searching=settings.searching)
    require_agreement(settings, space)
    assert space.keys or settings.jobs > 1
    for point in space.samples() if settings.searching else space.grid():
        job = composed("train", f"experiments={name}", *space.overrides(point))
        OmegaConf.to_container(job, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize("name", [name for name in CHOICES if name.startswith("hydra/launcher/")])
def test_a_launcher_composes(name: str) -> None:
    cfg = compose("train", [f"hydra/launcher={name.rpartition('/')[2]}"])
    assert get_object(cfg.hydra.launcher["_target_"])
    OmegaConf.to_container(cfg.hydra.launcher, throw_on_missing=True)


@pytest.mark.parametrize("name", STUDY_NAMES)
def test_a_study_says_in_its_first_lines_what_it_asks(name: str) -> None:
    package, question = CHOICES[f"{STUDIES}/{name}"].read_text().splitlines()[:2]
    assert package == "# @package _global_"
    assert question.startswith("# ")
