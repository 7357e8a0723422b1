import pytest

from bcdl.errors import UserError
from bcdl.explain import explain, methods_for, usual_methods
from bcdl.models import CNN, CNNRNN, Autoencoder, Radiomics, Transfer
from bcdl.networks import RadiomicsEncoder, SmallCNN
from tests.explain.building import build, linear_model, make_batch, tiny_vit

CAM = ("grad_cam", "grad_cam_pp", "hires_cam", "layer_cam")
CHANGES = ("integrated_gradients", "occlusion")


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (build(CNN), (*CAM, *CHANGES)),
        (build(CNNRNN), (*CAM, *CHANGES)),
        (build(Autoencoder), (*CAM, *CHANGES, "reconstruction_error")),
        (build(Transfer, mode="feature_extraction"), (*CAM, *CHANGES)),
        (build(Transfer, mode="separate_classifier"), ("occlusion",)),
        (build(CNN, tiny_vit()), (*CHANGES, "attention_rollout")),
        (build(Transfer, tiny_vit(), mode="separate_classifier"), ("occlusion", "attention_rollout")),
        (build(Radiomics, RadiomicsEncoder()), ()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_model_says_which_methods_work_for_it(model: CNN, names: tuple[str, ...]) -> None:
    assert methods_for(model) == names


def test_a_model_without_the_layer_that_grad_cam_needs_names_what_works() -> None:
    with pytest.raises(
        UserError,
        match="grad_cam needs logits with gradients and a last feature map of the encoder, which CNN over "
        "tiny_vit has not; methods that work for this model: "
        "integrated_gradients, occlusion, attention_rollout",
    ):
        explain(build(CNN, tiny_vit()), make_batch(), "grad_cam")


@pytest.mark.parametrize(
    ("method", "needs"),
    [
        ("attention_rollout", "a vision transformer whose layers attend to all patches"),
        ("reconstruction_error", "the decoder of model=autoencoder"),
    ],
)
def test_a_convolutional_classifier_has_neither_attention_nor_decoder(method: str, needs: str) -> None:
    with pytest.raises(UserError, match=f"{method} needs {needs}, which CNN over small_cnn has not"):
        explain(build(), make_batch(), method)


@pytest.mark.parametrize("method", ["grad_cam", "integrated_gradients"])
def test_a_separate_classifier_has_no_gradients(method: str) -> None:
    model = build(Transfer, mode="separate_classifier")
    with pytest.raises(UserError, match=f"{method} needs logits with gradients.* this model: occlusion$"):
        explain(model, make_batch(), method)


@pytest.mark.parametrize("model_class", [Radiomics, CNNRNN])
def test_an_encoder_of_features_is_refused_with_what_works(model_class: type[CNN]) -> None:
    model = build(model_class, RadiomicsEncoder())
    with pytest.raises(UserError, match=r"over radiomics reads features.*view contributions and neighbours"):
        explain(model, make_batch(), "occlusion")


def test_a_small_cnn_of_whose_map_one_place_is_left_is_explained_by_the_map_before() -> None:
    model = build(CNN, SmallCNN(1, widths=(4, 6, 8, 8)), image_size=(16, 16))
    assert model.encoder.places((16, 16)).grid == (2, 2)


def test_an_encoder_that_makes_no_map_has_no_grad_cam() -> None:
    model = linear_model(make_batch()["image"][0, 0, 0])
    assert methods_for(model) == CHANGES


def test_unknown_methods_are_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"found 'gradcam'. Did you mean 'grad_cam'"):
        explain(build(), make_batch(), "gradcam")


@pytest.mark.parametrize(("classes", "target"), [(2, 2), (3, 3), (2, -1)])
def test_a_class_that_the_model_does_not_have_is_refused(classes: int, target: int) -> None:
    with pytest.raises(UserError, match=f"from 0 to {classes - 1}, found {target}"):
        explain(build(classes=classes), make_batch(), "grad_cam", target)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (build(CNN), (*CAM, "integrated_gradients")),
        (build(CNN, tiny_vit()), ("integrated_gradients", "attention_rollout")),
        (build(Transfer, mode="separate_classifier"), ("occlusion",)),
        (build(Radiomics, RadiomicsEncoder()), ()),
    ],
)
def test_costly_methods_are_usual_only_where_no_other_works(model: CNN, names: tuple[str, ...]) -> None:
    assert usual_methods(model) == names
