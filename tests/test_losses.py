import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight
from torchvision.ops import sigmoid_focal_loss

from bcdl.errors import RunError, UserError
from bcdl.losses import CrossEntropy, Focal, Loss

BINARY = torch.tensor([-2.0, 0.5, 3.0, -0.1, 1.0])
SEVERAL = torch.tensor(
    [[0.1, 2.0, -1.0], [1.0, 0.0, 0.5], [-1.0, 0.3, 0.2], [2.0, 2.0, 0.0], [0.0, 0.0, 4.0]]
)
LABELS = torch.tensor([0, 1, 1, 0, 1])
ALL_LOSSES = [
    CrossEntropy(),
    CrossEntropy(label_smoothing=0.1),
    CrossEntropy([1.0, 3.0]),
    Focal(),
    Focal(gamma=0.5, alpha=0.75),
]


def names(loss: Loss) -> str:
    return f"{type(loss).__name__} {loss.weight}"


def test_binary_cross_entropy_is_that_of_scikit_learn() -> None:
    expected = log_loss(LABELS.numpy(), BINARY.double().sigmoid().numpy())
    assert CrossEntropy()(BINARY, LABELS).item() == pytest.approx(expected)


def test_cross_entropy_of_several_classes_is_that_of_scikit_learn() -> None:
    labels = torch.tensor([0, 1, 2, 0, 2])
    expected = log_loss(labels.numpy(), SEVERAL.double().softmax(dim=1).numpy())
    assert CrossEntropy()(SEVERAL, labels).item() == pytest.approx(expected)


def test_smoothing_moves_half_its_share_to_the_other_of_two_classes() -> None:
    expected = F.binary_cross_entropy_with_logits(BINARY, LABELS * 0.8 + 0.1)
    assert CrossEntropy(label_smoothing=0.2)(BINARY, LABELS).item() == pytest.approx(expected.item())


def test_class_weights_multiply_each_row_and_leave_the_divisor_alone() -> None:
    rows = F.binary_cross_entropy_with_logits(BINARY, LABELS.float(), reduction="none")
    expected = (rows * torch.where(LABELS == 1, 3.0, 1.0)).sum() / 5
    assert CrossEntropy([1.0, 3.0])(BINARY, LABELS).item() == pytest.approx(expected.item())


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    loss = CrossEntropy("balanced")
    loss.fit_counts([90, 10])
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=np.repeat([0, 1], [90, 10]))
    assert loss.weight is not None
    assert loss.weight.tolist() == pytest.approx(expected.tolist())


def test_counts_change_nothing_unless_weights_are_balanced() -> None:
    for loss in (CrossEntropy(), CrossEntropy([1.0, 2.0])):
        before = loss(BINARY, LABELS)
        loss.fit_counts([90, 10])
        assert loss(BINARY, LABELS) == before


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, 0.9), (0.0, 0.5)])
def test_binary_focal_loss_is_that_of_torchvision(gamma: float, alpha: float) -> None:
    expected = sigmoid_focal_loss(BINARY, LABELS.float(), alpha=alpha, gamma=gamma, reduction="mean")
    assert Focal(gamma, alpha)(BINARY, LABELS).item() == pytest.approx(expected.item(), rel=1e-5)


def test_focal_loss_of_several_classes_is_the_formula() -> None:
    labels = torch.tensor([0, 1, 2, 0, 2])
    shares = SEVERAL.softmax(dim=1)[torch.arange(5), labels]
    factors = torch.tensor([1.0, 2.0, 0.5])[labels]
    expected = (-factors * (1 - shares) ** 1.5 * shares.log()).mean()
    assert Focal(1.5, [1.0, 2.0, 0.5])(SEVERAL, labels).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=names)
def test_unlabelled_rows_change_neither_loss_nor_gradient(loss: Loss) -> None:
    short = BINARY[:3].clone().requires_grad_()
    padded = BINARY.clone().requires_grad_()
    few, many = loss(short, LABELS[:3]), loss(padded, torch.tensor([*LABELS[:3].tolist(), -1, -1]))
    assert many.item() == pytest.approx(few.item())
    few.backward()
    many.backward()
    assert short.grad is not None
    assert padded.grad is not None
    assert torch.equal(padded.grad, torch.cat([short.grad, torch.zeros(2)]))


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=names)
def test_a_batch_without_labels_costs_nothing_and_still_has_a_gradient(loss: Loss) -> None:
    logits = BINARY.clone().requires_grad_()
    value = loss(logits, torch.full((5,), -1))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert logits.grad.tolist() == [0.0] * 5


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=names)
def test_large_logits_stay_finite(loss: Loss) -> None:
    logits = torch.tensor([200.0, -200.0, 200.0, -200.0], requires_grad=True)
    value = loss(logits, torch.tensor([1, 1, 0, 0]))
    value.backward()
    assert value.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_half_precision_logits_are_measured_in_single_precision() -> None:
    assert CrossEntropy()(BINARY.half(), LABELS).dtype == torch.float32


def test_balanced_weights_without_counts_are_refused() -> None:
    with pytest.raises(RunError, match="fit_counts"):
        CrossEntropy("balanced")(BINARY, LABELS)


def test_balanced_weights_need_every_class() -> None:
    with pytest.raises(UserError, match=r"samples of every class, found \[4, 0\]"):
        Focal(alpha="balanced").fit_counts([4, 0])


def test_as_many_weights_as_classes_are_needed() -> None:
    with pytest.raises(UserError, match="expected a weight for each of 3 classes"):
        Focal(alpha=0.25)(SEVERAL, LABELS)


@pytest.mark.parametrize(
    "arguments",
    [{"class_weights": "balance"}, {"class_weights": [1.0, 0.0]}, {"label_smoothing": 1.0}],
)
def test_bad_settings_of_cross_entropy_are_refused(arguments: dict) -> None:
    with pytest.raises(UserError, match="expected"):
        CrossEntropy(**arguments)


@pytest.mark.parametrize("arguments", [{"alpha": 1.5}, {"gamma": -1.0}, {"alpha": "balance"}])
def test_bad_settings_of_the_focal_loss_are_refused(arguments: dict) -> None:
    with pytest.raises(UserError, match="expected"):
        Focal(**arguments)
