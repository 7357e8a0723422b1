from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bcdl.errors import RunError, UserError
from bcdl.models import CNN, CNNRNN, Autoencoder, Radiomics, Transfer, load_checkpoint
from bcdl.networks import Encoder, RadiomicsEncoder

Make = Callable[..., Any]


def radiomics(_: Encoder, **settings: Any) -> Radiomics:
    return Radiomics(RadiomicsEncoder(settings["channels"]), **settings)


def table_cnn_rnn(_: Encoder, **settings: Any) -> CNNRNN:
    return CNNRNN(RadiomicsEncoder(settings["channels"]), **settings)


MODELS = {
    "cnn": (CNN, {}),
    "cnn_rnn": (CNNRNN, {"state": 8}),
    "cnn_rnn_lstm": (CNNRNN, {"state": 8, "cell": "lstm", "layers": 2, "bidirectional": True}),
    "autoencoder": (Autoencoder, {"latent": 5}),
    "variational": (Autoencoder, {"latent": 5, "variational": True}),
    "fine_tune": (Transfer, {"mode": "fine_tune"}),
    "feature_extraction": (Transfer, {"mode": "feature_extraction"}),
    "separate_classifier": (Transfer, {"mode": "separate_classifier"}),
    "radiomics": (radiomics, {}),
    "radiomics_in_cnn_rnn": (table_cnn_rnn, {"state": 8}),
}
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
@pytest.mark.parametrize(("views", "channels", "classes"), [*product((1, 4), (1, 3), (2, 3))])
def test_every_model_trains_and_predicts_on_every_shape(
    name: str, views: int, channels: int, classes: int, build: Make, batches: Make, fit: Make
) -> None:
    model_class, settings = MODELS[name]
    data = batches(views=views, channels=channels, classes=classes, size=6)
    model = build(model_class, channels=channels, classes=classes, **settings)
    trainer = fit(model, data)
    predicted = model.eval().predict_step(data[0])
    assert predicted["logits"].shape == ((6,) if classes == 2 else (6, 3))
    assert predicted["logits"].dtype == torch.float32
    assert predicted["logits"].isfinite().all()
    assert trainer.global_step == 3
    assert {"train/loss", "train/auroc", "val/loss", "val/auroc"} <= set(trainer.callback_metrics)


@every_model
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_masked_views_have_no_influence(
    name: str, training: bool, build: Make, batches: Make, fit: Make
) -> None:
    model_class, settings = MODELS[name]
    clean = batches(1, views=4)[0]
    model = build(model_class, **settings)
    fit(model, [clean])
    soiled = dict(clean)
    gaps = ~clean["view_mask"]
    for key, value in (("image", 1e3), ("tabular", 1e3), ("view", 7), ("laterality", 2), ("time", 50.0)):
        soiled[key] = clean[key].clone()
        soiled[key][gaps] = value
    model.train(training)
    torch.manual_seed(1)
    expected = model(clean)
    statistics = {name: value.clone() for name, value in model.named_buffers()}
    torch.manual_seed(1)
    assert torch.equal(model(soiled), expected)
    if not training:
        assert all(torch.equal(value, statistics[name]) for name, value in model.named_buffers())


@every_model
def test_valid_views_do_have_influence(name: str, build: Make, batches: Make, fit: Make) -> None:
    model_class, settings = MODELS[name]
    batch = batches(1, views=4)[0]
    model = build(model_class, **settings)
    fit(model, [batch])
    changed = dict(batch, image=batch["image"].clone(), tabular=batch["tabular"].clone())
    changed["image"][2, 3] += torch.randn(16, 16)
    changed["tabular"][2, 3] += 1
    model.eval()
    assert not torch.equal(model(batch)[2], model(changed)[2])


@every_model
def test_a_checkpoint_gives_the_same_predictions_and_loads_safely(
    name: str, build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    model_class, settings = MODELS[name]
    data = batches()
    model = build(model_class, **settings)
    fit(model, data).save_checkpoint(tmp_path / "model.ckpt")
    other = build(model_class, **settings)
    load_checkpoint(other, tmp_path / "model.ckpt")
    assert torch.equal(other.eval()(data[0]), model.eval()(data[0]))


def test_a_checkpoint_of_another_architecture_is_refused_by_name(
    build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    fit(build(), batches()).save_checkpoint(tmp_path / "cnn.ckpt")
    with pytest.raises(UserError, match=r"CNNRNN over small_cnn, found CNN over small_cnn.*missing"):
        load_checkpoint(build(CNNRNN, state=8), tmp_path / "cnn.ckpt")


def test_a_non_finite_loss_stops_the_run_before_the_weights_are_spoilt(
    build: Make, batches: Make, fit: Make
) -> None:
    data = batches()
    data[1]["image"][0, 0, 0, 0, 0] = torch.nan
    model = build()
    with pytest.raises(RunError, match=r"nan in epoch 0, step 1"):
        fit(model, data)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_unlabelled_samples_do_not_count(build: Make, batches: Make, fit: Make) -> None:
    data = batches(1)[0]
    data["label"] = torch.tensor([-1, 1, -1, 0])
    kept = {key: value[[1, 3]] for key, value in data.items()}
    model = build().eval()
    loss = model.loss(model(kept), kept["label"])
    model.log = lambda *_, **__: None
    assert torch.allclose(model.classify(model(data), data, "val"), loss)
    assert len(model.val_metrics.labels[0]) == 2


def test_weight_decay_spares_norms_and_biases(build: Make) -> None:
    decayed, spared = build().parameter_groups()
    assert all(parameter.ndim > 1 for parameter in decayed["params"])
    assert spared["weight_decay"] == 0.0
    assert all(parameter.ndim == 1 for parameter in spared["params"])


def test_an_input_size_is_what_the_encoder_gets(build: Make, batches: Make) -> None:
    model = build(input_size=[32, 24])
    seen = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    model(batches(1)[0])
    assert seen == [(4, 1, 32, 24)]


@pytest.mark.parametrize(
    ("model_class", "settings", "named"),
    [
        (Transfer, {"unfreeze_every": 2}, "model.unfreeze_every=2"),
        (Transfer, {"mode": "feature_extraction"}, "model.mode=feature_extraction"),
        (Transfer, {"mode": "separate_classifier"}, "model.mode=separate_classifier"),
        (Autoencoder, {"pretrain_epochs": 3}, "model.pretrain_epochs=3"),
        (radiomics, {}, "model=radiomics"),
    ],
)
def test_what_cannot_be_shared_among_devices_is_refused_by_name(
    model_class: Any, settings: dict[str, Any], named: str, build: Make
) -> None:
    model = build(model_class, **settings)
    model._trainer = SimpleNamespace(world_size=1)
    model.on_fit_start()
    model._trainer = SimpleNamespace(world_size=2)
    with pytest.raises(UserError, match=f"one device for {named}, found 2"):
        model.on_fit_start()


@pytest.mark.parametrize(
    ("model_class", "settings"),
    [(CNN, {}), (CNNRNN, {}), (Autoencoder, {}), (Transfer, {"unfreeze_every": 0})],
)
def test_all_else_can_be_shared(model_class: Any, settings: dict[str, Any], build: Make) -> None:
    model = build(model_class, **settings)
    model._trainer = SimpleNamespace(world_size=2)
    model.on_fit_start()
