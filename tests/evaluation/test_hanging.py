import torch

from bcdl.data.batch import Batch
from bcdl.data.table import LATERALITIES, VIEWS
from bcdl.evaluation.hanging import hang, hung_slots


def batch(views: list[str], slots: int, time: list[float] | None = None) -> Batch:
    """One sample; the image of slot i is full of i."""
    pairs = [name.split("-") for name in views] + [["NA", "NA"]] * (slots - len(views))
    return {
        "image": torch.arange(slots, dtype=torch.float32)
        .reshape(1, slots, 1, 1, 1)
        .expand(1, slots, 1, 4, 2),
        "view_mask": torch.arange(slots)[None] < len(views),
        "laterality": torch.tensor([[LATERALITIES.index(side) for side, _ in pairs]]),
        "view": torch.tensor([[VIEWS.index(view) for _, view in pairs]]),
        "time": torch.tensor([[*(time or [0.0] * len(views)), *[0.0] * (slots - len(views))]]),
        "label": torch.tensor([1]),
        "index": torch.tensor([0]),
    }


def hung(given: Batch) -> list[tuple[str, int | None]]:
    return [(f.name, None if f.image is None else int(f.image.max())) for f in hang(given)[0]]


def test_a_screening_exam_hangs_in_the_standard_order() -> None:
    found = hung(batch(["L-CC", "L-MLO", "R-CC", "R-MLO"], 4))
    assert found == [("R-CC", 2), ("L-CC", 0), ("R-MLO", 3), ("L-MLO", 1)]


def test_a_missing_standard_view_is_an_empty_frame() -> None:
    assert hung(batch(["L-CC", "R-CC", "R-MLO"], 4)) == [
        ("R-CC", 1),
        ("L-CC", 0),
        ("R-MLO", 2),
        ("L-MLO", None),
    ]


def test_one_breast_expects_the_views_of_its_side_only() -> None:
    assert hung(batch(["L-MLO"], 2)) == [("L-CC", None), ("L-MLO", 0)]


def test_other_and_repeated_views_follow() -> None:
    found = hung(batch(["L-CC", "L-CC", "L-MLO", "L-AT"], 4))
    assert found == [("L-CC", 0), ("L-MLO", 2), ("L-CC", 1), ("L-AT", 3)]


def test_single_images_expect_nothing_beside_them() -> None:
    assert hung(batch(["L-MLO"], 1)) == [("L-MLO", 0)]
    assert hung(batch(["NA-NA"], 1)) == [("", 0)]


def test_exams_of_a_patient_hang_from_the_oldest() -> None:
    found = hung(batch(["L-CC", "L-MLO", "L-CC", "L-MLO"], 5, time=[2.0, 2.0, 0.0, 0.0]))
    assert found == [("L-CC", 0), ("L-MLO", 1), ("L-CC", 2), ("L-MLO", 3)]


def test_slots_hang_as_their_images_do() -> None:
    given = batch(["L-CC", "R-CC", "R-MLO"], 4)
    assert hung_slots(given)[0] == hung(given)
