from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import skops.io
import torch
from sklearn.naive_bayes import GaussianNB
from torch import Tensor, nn

from bcdl.errors import RunError, UserError
from bcdl.models import Transfer
from bcdl.models.estimator import ESTIMATORS, EstimatorHead, estimator_named
from bcdl.networks import SmallCNN

Make = Callable[..., Any]


def snapshot(modules: Iterable[nn.Module]) -> list[Tensor]:
    return [value.clone() for module in modules for value in module.state_dict().values()]


def equal(left: list[Tensor], right: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("mode", ["feature_extraction", "separate_classifier"])
def test_a_frozen_encoder_stays_bit_identical(mode: str, build: Make, batches: Make, fit: Make) -> None:
    model = build(Transfer, mode=mode)
    before = snapshot([model.encoder])
    head = snapshot([model.head])
    fit(model, batches(), max_epochs=3)
    assert equal(snapshot([model.encoder]), before)
    assert len(head[0]) != len(snapshot([model.head])[0]) or not equal(snapshot([model.head]), head)


@pytest.mark.parametrize(("epochs", "learning"), [(1, 0), (2, 0), (3, 1), (5, 2)])
def test_stages_start_to_learn_on_time_from_the_last_to_the_first(
    epochs: int, learning: int, build: Make, batches: Make, fit: Make
) -> None:
    model = build(Transfer, unfreeze_every=2)
    stages = model.encoder.stages
    before = [snapshot(stage) for stage in stages]
    fit(model, batches(), max_epochs=epochs)
    changed = [not equal(snapshot(stage), old) for stage, old in zip(stages, before, strict=True)]
    assert changed == [depth >= len(stages) - learning for depth in range(len(stages))]


def test_everything_learns_at_once_where_unfreezing_is_off(build: Make, batches: Make, fit: Make) -> None:
    model = build(Transfer, unfreeze_every=0)
    before = [snapshot(stage) for stage in model.encoder.stages]
    fit(model, batches())
    assert not any(equal(snapshot(s), old) for s, old in zip(model.encoder.stages, before, strict=True))


def test_earlier_stages_have_lower_learning_rates(build: Make, batches: Make, fit: Make) -> None:
    model = build(Transfer, lr_decay=0.1)
    model.make_scheduler = None
    optimizer = fit(model, batches()).optimizers[0]
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    by_stage = [{rates[id(p)] for m in stage for p in m.parameters()} for stage in model.encoder.stages]
    assert [rate for (rate,) in by_stage] == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3])
    assert {rates[id(p)] for p in model.head.parameters()} == {1e-2}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_named_estimator_survives_the_state_dict(name: str, classes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % classes
    features = torch.randn(60, 4, generator=generator) + labels[:, None]
    head = EstimatorHead(estimator_named(name, seed=0), classes)
    head.collect(features, labels)
    head.fit()
    restored = EstimatorHead(estimator_named(name, seed=1), classes)
    restored.load_state_dict(head.state_dict())
    logits = restored(features)
    assert torch.equal(logits, head(features))
    predicted = (logits > 0).long() if classes == 2 else logits.argmax(1)
    assert (predicted == labels).float().mean() > 0.6


def test_a_separate_classifier_ends_training_after_one_epoch_and_is_exported(
    build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    model = build(Transfer, mode="separate_classifier", estimator=GaussianNB())
    data = batches()
    trainer = fit(model, data, max_epochs=5)
    assert trainer.current_epoch == 1
    model.export_estimator(tmp_path / "classifier.skops")
    exported = skops.io.load(tmp_path / "classifier.skops")
    model.eval()
    log_odds = torch.from_numpy(exported.predict_log_proba(model.features(data[0]).detach().numpy()))
    expected = (log_odds[:, 1] - log_odds[:, 0]).clamp(-13.8, 13.8)
    assert torch.allclose(model(data[0]), expected.float(), atol=0.1)


def test_an_estimator_with_unknown_types_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    head = EstimatorHead(estimator_named("random_forest", seed=0), 2)
    head.collect(torch.randn(20, 3), torch.arange(20) % 2)
    head.fit()
    monkeypatch.setattr("bcdl.models.estimator._TRUSTED", set())
    with pytest.raises(UserError, match=r"not trusted: sklearn\.tree"):
        EstimatorHead(GaussianNB(), 2).load_state_dict(head.state_dict())


def test_an_estimator_needs_two_classes() -> None:
    head = EstimatorHead(estimator_named("logistic", seed=0), 2)
    head.collect(torch.randn(5, 3), torch.zeros(5, dtype=torch.int64))
    with pytest.raises(RunError, match="cannot be fitted"):
        head.fit()


def test_unknown_modes_and_estimators_are_named(build: Make) -> None:
    with pytest.raises(UserError, match=r"found 'finetune'. Did you mean 'fine_tune'"):
        build(Transfer, mode="finetune")
    with pytest.raises(UserError, match=r"found 'forest'"):
        build(Transfer, mode="separate_classifier", estimator="forest")


def test_a_run_starts_from_the_encoder_of_another(
    build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    first = build()
    fit(first, batches()).save_checkpoint(tmp_path / "first.ckpt")
    encoder = SmallCNN(1, widths=(4, 6, 8, 8), weights=tmp_path / "first.ckpt")
    assert equal(snapshot([encoder]), snapshot([first.encoder]))
