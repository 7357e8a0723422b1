"""A model card in Markdown: what a model was trained on, how good it is, and what it is not for.

It names no file of the user's and no patient. Tables are short: MLflow's page shows them in a narrow column.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from bcdl.scores import METRICS
from bcdl.serving.facts import Facts

_SPLITS = {"best/val": "validation", "test": "test"}
_INTERVALS = "In brackets: 95 % intervals by a bootstrap over patients."
_LEVELS = ("breast", "exam", "patient")
_CALIBRATIONS = {
    "temperature": "temperature scaling of the logits",
    "platt": "Platt scaling (a logistic function of the logit)",
    "isotonic": "isotonic regression on the logit",
}
_USE = """\
Research on the detection of breast cancer: comparing models, and reading studies whose images come from the
same kind of machine and population as the training data.

- Not a medical device. It must not be used to diagnose, to triage or to leave out a reading.
- The results above hold for the data set that they were measured on; other machines, views, ages or
  prevalences may give far worse ones. Evaluate it on data of your own first.
- It sees pixels only: no history, no symptoms, no earlier images beside those it is given.
- Images that the quality gate refuses get no probability; that is an answer, not a failure.
"""


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes:
        run: name of its run.
        run_id: id of it.
        version: version of bcdl that trained it.
        commit: commit of that.
        dirty: whether there were changes beside it.
        fingerprint: hash of its data.
        promoted: version of bcdl that saved it.
    """

    run: str
    run_id: str
    version: str
    commit: str
    dirty: bool
    fingerprint: str
    promoted: str


def model_card(
    cfg: DictConfig, facts: Facts, origin: Origin, splits: pd.DataFrame, metrics: Mapping[str, float]
) -> str:
    """Return the card.

    Args:
        cfg: the run's configuration.
        facts: of its data.
        origin: where it comes from.
        splits: samples, patients and samples of each class, a row a split.
        metrics: what the run has logged.
    """
    parts = {
        "": [f"# {_class(cfg.model)} on {facts.data_set}", _lead(cfg, facts)],
        "Results": [_results(metrics), _decision(cfg, facts, metrics)],
        "Training data": [_data(facts), _table(splits)],
        "Model": [_bullets(model_facts(cfg, metrics))],
        "Images": [_bullets(image_facts(facts, cfg))],
        "Use and limits": [_USE],
        "Origin": [_bullets(_origin(origin))],
    }
    blocks = []
    for title, texts in parts.items():
        blocks += [f"## {title}"] if title else []
        blocks += [text.strip() for text in texts if text]
    return "\n\n".join(blocks) + "\n"


def threshold_origin(cfg: DictConfig, threshold: float, metrics: Mapping[str, float]) -> str:
    """Return in words where a run's threshold comes from."""
    setting = cfg.evaluate.threshold
    if setting != "youden" and threshold == float(setting):
        return "set by evaluate.threshold, not fitted"
    if threshold == metrics.get("youden/threshold"):
        return "Youden's index on the validation samples"
    if setting == "youden":
        return "the default, for validation holds one class only"
    return "set by evaluate.threshold when the run was evaluated again"


def _lead(cfg: DictConfig, facts: Facts) -> str:
    given = {"image": "an image", "exam": "the images of an exam"}.get(
        facts.unit, f"the images of a {facts.unit}"
    )
    if facts.num_classes == 2:
        asked = f"the probability of **{facts.classes[1]}** (against {facts.classes[0]})"
    else:
        asked = f"a probability of each of {', '.join(facts.classes)}"
    return f"From {given}, {asked}. Encoder: {_encoder(cfg)}."


def _results(metrics: Mapping[str, float]) -> str:
    """Return a table: a row a metric, a column a split, further ones for coarser levels of the test split."""
    columns = {prefix: title for prefix, title in _SPLITS.items() if f"{prefix}/{METRICS[0]}" in metrics}
    columns |= {
        f"test/{level}": f"test, by {level}" for level in _LEVELS if f"test/{level}/{METRICS[0]}" in metrics
    }
    rows = {
        name: [_with_interval(metrics, f"{prefix}/{name}") for prefix in columns]
        for name in METRICS
        if any(f"{prefix}/{name}" in metrics for prefix in columns)
    }
    table = _markdown(["metric", *columns.values()], [[name, *cells] for name, cells in rows.items()])
    return table if not any(name.endswith("_ci_low") for name in metrics) else f"{table}\n\n{_INTERVALS}"


def _decision(cfg: DictConfig, facts: Facts, metrics: Mapping[str, float]) -> str:
    if facts.num_classes > 2:
        return f"Decision: the most probable class, without a threshold. {_calibration(facts)}"
    origin = threshold_origin(cfg, facts.threshold, metrics)
    return (
        f"Decision: {facts.classes[1]} from a probability of **{facts.threshold:.4g}** ({origin}). "
        f"The checkpoint, and with it the model, was chosen by validation alone. {_calibration(facts)}"
    )


def _calibration(facts: Facts) -> str:
    method = facts.calibrator.method
    if method == "none":
        return "The probability is the model's own: it is not calibrated."
    return (
        f"The probability is calibrated: {_CALIBRATIONS[method]}, fitted on the run's validation samples. It "
        "holds where cancers are as frequent as among them."
    )


def _data(facts: Facts) -> str:
    return f"Data set `{facts.data_set}`; a sample is one {facts.unit}. Patients are in one split each."


def model_facts(cfg: DictConfig, metrics: Mapping[str, float]) -> dict[str, str]:
    """Return what was trained, in words, by name."""
    parameters = metrics.get("parameters")
    return {
        "Model": settings_text(cfg.model),
        "Encoder": settings_text(cfg.encoder),
        "Loss": settings_text(cfg.loss),
        "Optimizer": settings_text(cfg.optimizer),
        "Parameters": "" if parameters is None else f"{parameters:,.0f}",
        "Best epoch": "" if "best_epoch" not in metrics else f"{metrics['best_epoch']:.0f}",
    }


def image_facts(facts: Facts, cfg: DictConfig) -> dict[str, str]:
    """Return how images come to the model, in words, by name."""
    height, width = facts.image_size
    imaging = [f"{key}={_plain(value)}" for key, value in facts.imaging.items() if value is not None]
    return {
        "Prepared image": f"{height} x {width} pixels, {facts.channels} channel(s), {facts.dtype}",
        "Imaging": ", ".join(imaging),
        "Normalisation": settings_text(cfg.preprocess),
        "Augmentation in training": settings_text(cfg.augment) if cfg.get("augment") else "",
        "Refused images": f"data.on_bad_image={facts.on_bad_image}",
    }


def _origin(origin: Origin) -> dict[str, str]:
    changed = " with uncommitted changes" if origin.dirty else ""
    return {
        "Run": f"{origin.run} (`{origin.run_id}`)",
        "Trained by": f"bcdl {origin.version}, commit `{origin.commit[:12]}`{changed}",
        "Saved by": f"bcdl {origin.promoted}",
        "Fingerprint of the data": f"`{origin.fingerprint}`",
    }


def _class(node: DictConfig) -> str:
    return str(node["_target_"]).rpartition(".")[2]


def _encoder(cfg: DictConfig) -> str:
    name = cfg.encoder.get("name")
    return f"{_class(cfg.encoder)} {name}" if name else _class(cfg.encoder)


def settings_text(node: DictConfig) -> str:
    """Return `CNN (dropout=0.2, hidden=[])`, without nodes in it, and without what names a file."""
    plain = OmegaConf.to_container(node)
    if not isinstance(plain, dict):
        return str(plain)
    kept = {str(key): value for key, value in plain.items() if _is_told(str(key), value)}
    listed = ", ".join(f"{key}={_plain(value)}" for key, value in kept.items())
    return f"{_class(node)} ({listed})" if listed else _class(node)


def _is_told(key: str, value: object) -> bool:
    """Return whether a setting is one of the class itself, and names no file."""
    return (
        not key.startswith("_")
        and value is not None
        and not isinstance(value, dict)
        and "/" not in str(value)
    )


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_interval(metrics: Mapping[str, float], name: str) -> str:
    value, low, high = (metrics.get(key) for key in (name, f"{name}_ci_low", f"{name}_ci_high"))
    if value is None or value != value:
        return "-"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _table(frame: pd.DataFrame) -> str:
    return _markdown(list(map(str, frame.columns)), frame.astype(str).to_numpy().tolist())


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])


def _bullets(facts: Mapping[str, str]) -> str:
    return "\n".join(f"- **{name}**: {text}" for name, text in facts.items() if text)
