import pytest
import torch

from bcdl.metrics import PredictionAccumulator, classification_metrics, to_probabilities


@pytest.mark.parametrize("shape", [(40,), (40, 3)], ids=["binary", "three classes"])
def test_batches_count_as_one_set(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=generator)
    labels = torch.arange(40) % (2 if len(shape) == 1 else 3)
    accumulator = PredictionAccumulator()
    for batch in torch.arange(40).split(7):
        accumulator.update(logits[batch], labels[batch], batch)
    assert accumulator.compute() == pytest.approx(classification_metrics(labels, to_probabilities(logits)))


def test_a_repeated_sample_counts_once() -> None:
    accumulator = PredictionAccumulator()
    accumulator.update(torch.tensor([2.0, -1.0]), torch.tensor([1, 0]), torch.tensor([5, 3]))
    accumulator.update(torch.tensor([9.0, 0.5]), torch.tensor([1, 0]), torch.tensor([5, 4]))
    index, logits, labels = accumulator.predictions()
    assert index.tolist() == [3, 4, 5]
    assert logits.tolist() == [-1.0, 0.5, 2.0]
    assert labels.tolist() == [0, 0, 1]


def test_reset_forgets_the_epoch() -> None:
    accumulator = PredictionAccumulator()
    accumulator.update(torch.tensor([2.0, -1.0]), torch.tensor([1, 0]), torch.tensor([0, 1]))
    assert accumulator.compute()["accuracy"] == 1
    accumulator.reset()
    accumulator.update(torch.tensor([-2.0, 1.0]), torch.tensor([1, 0]), torch.tensor([0, 1]))
    assert accumulator.compute()["accuracy"] == 0


def test_gradients_are_not_kept_alive() -> None:
    accumulator = PredictionAccumulator()
    accumulator.update(torch.zeros(2, requires_grad=True), torch.tensor([1, 0]), torch.tensor([0, 1]))
    assert not accumulator.predictions()[1].requires_grad
