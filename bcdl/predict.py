"""`bcdl predict`: new images without labels through a run's best model, into tables in a folder."""

from pathlib import Path

from omegaconf import DictConfig

from bcdl.data.progress import progress
from bcdl.data.samples import check_choice
from bcdl.errors import UserError
from bcdl.explain.methods import method_for
from bcdl.failures import explained
from bcdl.lineage import require_trained, run_config
from bcdl.notebook import Run
from bcdl.prediction.applied import Applied
from bcdl.prediction.incoming import Incoming, read_incoming
from bcdl.prediction.model import ON_BAD_IMAGE, require_model, scorer_of
from bcdl.prediction.overlays import Overlays
from bcdl.prediction.reference import reference_of
from bcdl.prediction.results import PATIENTS, SAMPLES, Results
from bcdl.prediction.rules import rules_of
from bcdl.prediction.scoring import Draw, Scored, sample_rows, scored
from bcdl.prediction.summary import Described, counted, described, show
from bcdl.serving.scorer import Scorer
from bcdl.tracking import TrackingStore


def main(cfg: DictConfig) -> None:
    """Predict on a folder or a manifest, and write what the model says of every sample and patient.

    Raises:
        UserError: the run, the input or a setting cannot be used, or no image can be; what was predicted
            before is written.
    """
    _check(cfg)
    results = Results(Path(cfg.out), cfg.format, cfg.overwrite)
    run = _run(cfg)
    scorer = scorer_of(run, cfg.data.on_bad_image, cfg.data.batch_size)
    facts = scorer.facts
    if cfg.overlay is not None:
        method_for(scorer.model, cfg.overlay)
    rules = rules_of(run, facts.unit, facts.num_classes, cfg.operating_point)
    incoming = read_incoming(Path(cfg.input), cfg.data, facts, results.folder)
    novelty = None if cfg.false_alarms is None else reference_of(run, scorer.model, scorer.device)
    how = Applied(facts, rules, novelty, cfg.false_alarms or 0.0)
    results.clear()
    draw = None
    if cfg.overlay is not None:
        draw = Overlays(scorer.model, cfg.overlay, rules, facts.classes, results)
    said = described(run, how)
    found: list[Scored] = []
    try:
        _predict(found, scorer, incoming, cfg, draw)
    finally:
        if found:
            _write(found, incoming, how, said, results)
    _require_some(found, incoming)


def _run(cfg: DictConfig) -> Run:
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment, create=False)
    run_id = store.resolve(cfg.run)
    require_trained(store, run_id)
    run = Run(run_id, run_config(store, run_id), store)
    require_model(run)
    return run


def _predict(
    found: list[Scored], scorer: Scorer, incoming: Incoming, cfg: DictConfig, draw: Draw | None
) -> None:
    """Add to `found` what comes of all samples, some at a time.

    Raises:
        UserError: an image is refused, and data.on_bad_image is error.
    """
    total = len(sample_rows(incoming.images, scorer.facts))
    with explained(cfg.data.batch_size, cfg.out), progress("predict", total, "samples") as advance:
        for part in scored(scorer, incoming, cfg.data.batch_size, cfg.workers, draw):
            found.append(part)
            advance(len(part.samples))
            refused = part.samples[part.samples["refused"]]
            if cfg.data.on_bad_image == "error" and len(refused):
                first = refused.iloc[0]
                raise UserError(
                    f"an image of sample {first['sample_id']} is refused: {first['problems']}. What was "
                    "predicted up to it is written; mend the file, or set data.on_bad_image=skip to leave "
                    "such images out"
                )


def _write(found: list[Scored], incoming: Incoming, how: Applied, said: Described, results: Results) -> None:
    """Write what was predicted, all or as far as it came."""
    samples, patients = how.tables(found)
    files = [results.write_table(samples, SAMPLES), results.write_table(patients, PATIENTS)]
    complete = len(samples) == len(sample_rows(incoming.images, how.facts))
    facts = {"complete": complete, **said, "left_out": incoming.left_out}
    facts["counts"] = counted(samples, patients, how.facts)
    show(facts, [*files, results.write_summary(facts)])


def _require_some(found: list[Scored], incoming: Incoming) -> None:
    """Raise UserError where no image could be used."""
    samples = found[0].samples
    if not any((part.samples["images"] > 0).any() for part in found):
        raise UserError(
            f"expected images, found none of {len(incoming.images):,} that can be used; the first: "
            f"{samples['problems'].iloc[0]}; the tables name all"
        )


def _check(cfg: DictConfig) -> None:
    """Raise UserError for settings that nothing could be done with."""
    if Path(cfg.out).resolve() == Path(cfg.input).resolve():
        raise UserError(f"expected out to be another folder than input, found '{cfg.out}' for both")
    if cfg.data.on_bad_image is not None:
        check_choice("data.on_bad_image", cfg.data.on_bad_image, ON_BAD_IMAGE)
    check_choice("data.on_bad_row", cfg.data.on_bad_row, ("skip", "error"))
    for key, value in (("data.batch_size", cfg.data.batch_size), ("workers", cfg.workers)):
        if not isinstance(value, int) or value < 1:
            raise UserError(f"expected {key} of 1 or more, found {value}")
    if cfg.false_alarms is not None and not 0 < cfg.false_alarms < 1:
        raise UserError(
            "expected false_alarms to be a share between 0 and 1, such as 0.05, or null to flag nothing, "
            f"found {cfg.false_alarms}"
        )
