from dataclasses import replace

import numpy as np
import pandas as pd

from bcdl.data.attributes import NO_FINDING, SEVERAL, sample_attributes
from bcdl.data.samples import group_samples
from bcdl.data.table import ExamTable, complete_findings, complete_images


def table() -> ExamTable:
    images = pd.DataFrame(
        {
            "patient_id": ["p", "p", "q", "q", "r"],
            "exam_id": "e",
            "image_id": list("abcde"),
            "path": list("abcde"),
            "laterality": ["L", "L", "L", "R", "L"],
            "view": ["CC", "MLO", "CC", "CC", "MLO"],
            "split": "test",
            "label": [1, 0, 0, 0, 1],
            "density": ["A", "A", "B", "C", None],
            "age": [40, 40, 50, 60, np.nan],
            "machine": "one",
            "meta_site": ["x", "x", "y", "y", "x"],
            "meta_remark": [f"remark {number}" for number in range(5)],
        }
    )
    findings = pd.DataFrame(
        {"image_id": ["a", "a", "c"], "finding_id": ["1", "2", "1"], "kind": ["mass", "mass", "calc"]}
    )
    return ExamTable(
        complete_images(images), complete_findings(findings), ("benign", "malignant"), "malignant"
    )


def test_a_sample_has_the_value_of_its_images_and_says_where_they_differ() -> None:
    whole = table()
    found = sample_attributes(whole, group_samples(whole.images, "exam")).set_index("sample_id")
    assert found.loc["p/e", "density"] == "A"
    assert found.loc["q/e", "density"] == SEVERAL
    assert pd.isna(found.loc["r/e", "density"])
    assert found["age"].tolist()[:2] == [40, 55]
    assert found["lesion"].tolist() == [SEVERAL, SEVERAL, NO_FINDING]
    assert "view" not in found


def test_columns_with_one_value_or_with_remarks_divide_nothing() -> None:
    whole = table()
    assert {"machine", "site"}.isdisjoint(sample_attributes(whole, group_samples(whole.images, "exam")))
    many = ExamTable(
        pd.concat(
            [
                whole.images.assign(
                    image_id=whole.images["image_id"] + str(n), meta_remark=[f"{n}{k}" for k in range(5)]
                )
                for n in range(5)
            ],
            ignore_index=True,
        ),
        whole.findings,
        whole.classes,
        whole.positive,
    )
    assert "meta_remark" not in sample_attributes(many, group_samples(many.images, "image"))


def test_few_values_are_remarks_where_there_are_as_few_patients() -> None:
    whole = table()
    five = sample_attributes(whole, group_samples(whole.images, "image"))
    assert {"meta_site", "meta_remark"}.isdisjoint(five)  # 2 and 5 values of 3 patients
    more = whole.images.assign(patient_id=list("pqrst"))
    assert "meta_site" in sample_attributes(replace(whole, images=more), group_samples(more, "image"))


def test_single_images_have_their_view_and_lesion() -> None:
    whole = table()
    found = sample_attributes(whole, group_samples(whole.images, "image")).set_index("sample_id")
    assert found["view"].tolist() == ["CC", "MLO", "CC", "CC", "MLO"]
    assert found["lesion"].tolist() == ["mass", NO_FINDING, "calc", NO_FINDING, NO_FINDING]
