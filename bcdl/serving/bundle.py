"""The files of a saved model: weights, configuration and the facts of its data; all are plain values."""

import hashlib
from pathlib import Path
from typing import Any, cast

import torch
from omegaconf import DictConfig, OmegaConf

from bcdl.assemble import build_model
from bcdl.data import ExamDataModule
from bcdl.models import Classifier, load_checkpoint
from bcdl.serving.facts import FILE, Facts
from bcdl.serving.scorer import Scorer
from bcdl.sources import instantiated

WEIGHTS, CONFIG, FACTS = "weights.ckpt", "config.yaml", FILE
_NODES = ("seed", "preprocess", "encoder", "model", "loss", "optimizer", "scheduler")


def write_bundle(
    folder: Path, cfg: DictConfig, data: ExamDataModule, model: Classifier, facts: Facts
) -> None:
    """Write a model into a folder.

    Args:
        folder: an empty folder.
        cfg: the run's resolved configuration.
        data: its data, with the statistics that `preprocess` has learnt.
        model: its model with the best weights.
        facts: of its data.
    """
    OmegaConf.save(served_config(cfg), folder / CONFIG)
    (folder / FACTS).write_text(facts.written())
    statistics = data.preprocess.state_dict()
    checkpoint: dict[str, Any] = {
        "state_dict": model.state_dict(),
        "preprocess": statistics,
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / WEIGHTS)


def load_bundle(folder: Path) -> Scorer:
    """Return the model of a folder.

    Raises:
        UserError: it was saved by another version of bcdl, or its weights do not fit.
    """
    cfg = cast(DictConfig, OmegaConf.load(folder / CONFIG))
    facts = Facts.read((folder / FACTS).read_text())
    model = build_model(cfg, cast(ExamDataModule, facts), None, pretrained=False)
    preprocess = instantiated(cfg.preprocess)
    preprocess.load_state_dict(load_checkpoint(model, folder / WEIGHTS)["preprocess"])
    return Scorer(model, preprocess, facts)


def served_config(cfg: DictConfig) -> DictConfig:
    """Return what of a run's configuration builds its model; no file or folder of the user's is in it."""
    served = OmegaConf.create({name: cfg[name] for name in _NODES})
    if served.encoder.get("weights") is not None:
        served.encoder.weights = None
    return served


def bundle_digest(weights: Path, cfg: DictConfig, facts: Facts, card: str) -> str:
    """Return a hash of all that a saved model is made of.

    Args:
        weights: file of the run's best checkpoint.
        cfg: the run's configuration.
        facts: of its data.
        card: the model card, which holds its results and the versions of bcdl.
    """
    digest = hashlib.sha256(weights.read_bytes())
    for text in (OmegaConf.to_yaml(served_config(cfg)), facts.written(), card):
        digest.update(text.encode())
    return digest.hexdigest()[:32]
