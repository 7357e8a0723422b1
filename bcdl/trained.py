"""What was trained on what: as a section of the report, and as the model card of the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

import pandas as pd
from omegaconf import DictConfig

from bcdl.assemble import RUN_WEIGHTS
from bcdl.data import SPLITS, ExamDataModule
from bcdl.evaluation.assessment import Section
from bcdl.serving.card import Origin, image_facts, model_card, model_facts, settings_text
from bcdl.serving.facts import Facts
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.tags import COMMAND_TAG, COMMIT_TAG, DIRTY_TAG, FINGERPRINT_TAG, TORCH_TAG, VERSION_TAG

SPLIT_COUNTS, CURVES = "splits.csv", "figures/learning_curves.png"
TITLE = "What was trained on what"
_UNKNOWN, _PACKAGE = "unknown", "bcdl"
_OF_RESULTS = ("test/", "best/val/")


@dataclass(frozen=True)
class Training:
    """What a run says of its training.

    Attributes:
        run: its name.
        run_id: its id.
        data_set: name of its data set.
        splits: samples, patients and samples of each class, a row a split; None where it has recorded none.
        metrics: what it has logged, by name, without results.
        tags: its tags.
        curves: its learning curves as PNG; None where there are none.
    """

    run: str
    run_id: str
    data_set: str
    splits: pd.DataFrame | None
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    curves: bytes | None

    @classmethod
    def of(cls, run: TrackedRun, data: ExamDataModule, curves: bytes | None = None) -> Self:
        """Return that of the run that is open, without asking the store what this process told it."""
        kept = _without_results(run.metrics())
        return cls(run.name, run.id, data.source.name, split_counts(data), kept, run.tags(), curves)

    @classmethod
    def recorded(cls, store: TrackingStore, run_id: str) -> Self:
        """Return that of an earlier run, as it lies in the store."""
        run = store.client.get_run(run_id)
        inputs = [each.dataset.name for each in run.inputs.dataset_inputs]
        known = {name: store.has_artifact(run_id, name) for name in (SPLIT_COUNTS, CURVES)}
        return cls(
            run=run.info.run_name,
            run_id=run_id,
            data_set=inputs[0] if inputs else _UNKNOWN,
            splits=pd.read_csv(store.download(run_id, SPLIT_COUNTS)) if known[SPLIT_COUNTS] else None,
            metrics=_without_results(run.data.metrics),
            tags=dict(run.data.tags),
            curves=store.download(run_id, CURVES).read_bytes() if known[CURVES] else None,
        )

    def sections(self, cfg: DictConfig, facts: Facts | None, figures: bool) -> list[Section]:
        """Return the sections of the report.

        Args:
            cfg: the run's configuration.
            facts: of its data, where they are at hand.
            figures: whether the learning curves are shown.
        """
        tables = {} if self.splits is None else {SPLIT_COUNTS: self.splits}
        told = {name: text for name, text in self._told(cfg, facts).items() if text}
        sections = [Section(TITLE, tables=tables, facts=told, early=True)]
        if figures and self.curves is not None:
            sections.append(Section("Learning curves", pictures={CURVES: self.curves}, early=True))
        return sections

    def card(self, cfg: DictConfig, facts: Facts, results: Mapping[str, float]) -> str:
        """Return the model card in Markdown.

        Args:
            cfg: the run's configuration.
            facts: of its data.
            results: metrics of the best checkpoint, with the ends of their intervals.
        """
        splits = pd.DataFrame() if self.splits is None else self.splits
        origin = origin_of(self.run, self.run_id, self.tags)
        return model_card(cfg, facts, origin, splits, {**self.metrics, **results})

    def _told(self, cfg: DictConfig, facts: Facts | None) -> dict[str, str]:
        model = {name.lower(): text for name, text in model_facts(cfg, self.metrics).items()}
        best = model.pop("best epoch")
        nodes = {name: _node(cfg, name) for name in ("scheduler", "sampler")}
        images = image_facts(facts, cfg) if facts else {"Normalisation": _node(cfg, "preprocess")}
        return {
            "run": f"{self.run} ({self.run_id[:8]})",
            "training data": f"{self.data_set}, fingerprint {self.tags.get(FINGERPRINT_TAG, _UNKNOWN)[:12]}",
            **{name: model.pop(name) for name in ("model", "encoder")},
            "initial weights": _initial(cfg.encoder),
            "parameters": model.pop("parameters"),
            "epochs": _epochs(cfg, best),
            **model,
            **nodes,
            "batch size, seed": f"{cfg.data.batch_size}, {cfg.seed}",
            "augmentation": _node(cfg, "augment"),
            **{name.lower(): text for name, text in images.items() if name != "Augmentation in training"},
            "trained by": _software(self.tags),
            "command": self.tags.get(COMMAND_TAG, ""),
        }


def split_counts(data: ExamDataModule) -> pd.DataFrame:
    """Return samples, patients and samples of each class, by label, a row a split."""
    known = data.samples[data.samples["label"].notna()]
    counts = known.groupby("split").agg(samples=("sample_id", "size"), patients=("patient_id", "nunique"))
    counts = counts.reindex([split for split in SPLITS if split in counts.index])
    of_classes = pd.crosstab(known["split"], known["label"]).reindex(
        columns=range(data.num_classes), fill_value=0
    )
    return counts.join(of_classes.set_axis(list(data.classes), axis=1)).reset_index()


def origin_of(run: str, run_id: str, tags: Mapping[str, str]) -> Origin:
    """Return where a run's model comes from, by what the run's tags say."""
    return Origin(
        run=run,
        run_id=run_id,
        version=tags.get(VERSION_TAG, _UNKNOWN),
        commit=tags.get(COMMIT_TAG, _UNKNOWN),
        dirty=tags.get(DIRTY_TAG) == "true",
        fingerprint=tags.get(FINGERPRINT_TAG, _UNKNOWN),
        promoted=version(_PACKAGE),
    )


def _without_results(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not name.startswith(_OF_RESULTS)}


def _node(cfg: DictConfig, name: str) -> str:
    return settings_text(cfg[name]) if cfg.get(name) else ""


def _initial(encoder: DictConfig) -> str:
    """Return where training began: at random, or with whose weights; no file is named."""
    weights = encoder.get("weights")
    if weights is None:
        return "pre-trained, of the encoder's package" if encoder.get("pretrained") else "random"
    if str(weights).startswith(RUN_WEIGHTS):
        return f"the encoder of run {str(weights).removeprefix(RUN_WEIGHTS)[:8]}"
    return "pre-trained, from a file" if "/" in str(weights) else f"pre-trained: {weights}"


def _epochs(cfg: DictConfig, best: str) -> str:
    chosen = f"; the best by {cfg.callbacks.best.monitor} is epoch {best}" if best else ""
    return f"at most {cfg.trainer.max_epochs}{chosen}"


def _software(tags: Mapping[str, str]) -> str:
    commit = tags.get(COMMIT_TAG, _UNKNOWN)[:12]
    changed = " with uncommitted changes" if tags.get(DIRTY_TAG) == "true" else ""
    torch = f", torch {tags[TORCH_TAG]}" if TORCH_TAG in tags else ""
    return f"bcdl {tags.get(VERSION_TAG, _UNKNOWN)}{torch}, commit {commit}{changed}"
