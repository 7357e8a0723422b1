import numpy as np
import pytest
import torch

from bcdl.metrics import to_probabilities


def test_a_positive_class_logit_becomes_its_sigmoid_without_overflow() -> None:
    assert to_probabilities(np.array([-1000.0, 0.0, np.log(3), 1000.0])) == pytest.approx([0, 0.5, 0.75, 1])


def test_class_logits_become_their_softmax_without_overflow() -> None:
    found = to_probabilities(np.array([[1000.0, 1000.0], [0.0, np.log(4)]]))
    assert found == pytest.approx(np.array([[0.5, 0.5], [0.2, 0.8]]))


def test_tensors_of_any_precision_are_taken() -> None:
    assert to_probabilities(torch.zeros(2, dtype=torch.bfloat16, requires_grad=True)).tolist() == [0.5, 0.5]
