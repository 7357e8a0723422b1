from collections.abc import Callable

from bcdl.data.audit.checks import missing_views, unknown_views
from bcdl.data.table import ExamTable

Make = Callable[..., ExamTable]


def test_breasts_with_one_view_are_counted_by_split(make_table: Make) -> None:
    table = make_table(
        patient_id=list("aaaabbb"),
        laterality=list("LLRRLLR"),
        view=["CC", "MLO", "CC", "MLO", "CC", "MLO", "MLO"],
        split=["train"] * 4 + ["test"] * 3,
    )
    (found,) = missing_views(table.images)
    assert found.severity == "note"
    assert (
        "Without CC or MLO: 1 of 4 breasts (test 1); without all four standard views: 1 of 2 exams"
        in found.summary
    )
    assert found.rows[["patient_id", "laterality", "missing"]].to_numpy().tolist() == [["b", "R", "CC"]]


def test_breasts_with_other_views_only_lack_both(make_table: Make) -> None:
    table = make_table(patient_id=list("aaa"), laterality=list("LLR"), view=["CC", "MLO", "ML"])
    assert missing_views(table.images)[0].rows["missing"].tolist() == ["CC, MLO"]


def test_four_standard_views_are_complete_and_repeats_do_not_make_up_for_one(make_table: Make) -> None:
    views = {"laterality": list("LLRR"), "view": ["CC", "MLO", "CC", "MLO"], "patient_id": list("aaaa")}
    assert missing_views(make_table(**views).images) == []
    (found,) = missing_views(make_table(**views | {"view": ["CC", "MLO", "CC", "CC"]}).images)
    assert "standard views: 1 of 1 exam." in found.summary


def test_ultrasound_is_not_asked_for_views(make_table: Make) -> None:
    table = make_table(laterality=["L", "R"], view="US")
    assert missing_views(table.images) == []
    assert unknown_views(table.images) == []


def test_images_of_unknown_side_or_view_are_noted(make_table: Make) -> None:
    table = make_table(laterality=["L", "NA", "R"], view=["CC", "MLO", "NA"])
    (found,) = unknown_views(table.images)
    assert (found.severity, found.summary) == ("note", "Side unknown: 1, view unknown: 1, of 3 images.")
    assert found.rows["image_id"].tolist() == ["1", "2"]
