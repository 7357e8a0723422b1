"""The rows of the exam table and of the findings that a cohort gives; renders no pixel."""

from collections.abc import Iterator

from bcdl.data.phantom.anatomy import SIDES, VIEWS
from bcdl.data.phantom.cohort import Recipe, sample_patient
from bcdl.data.phantom.keys import ViewKey
from bcdl.data.phantom.projection import Frame, box, outline
from bcdl.data.phantom.render import shown_lesions

Row = dict[str, str | int | float]


def view_keys(patients: int, exams_per_patient: int) -> Iterator[ViewKey]:
    """Yield every view: by patient, exam (oldest first), side, view."""
    for patient in range(patients):
        for exam in range(exams_per_patient):
            for side in SIDES:
                for view in VIEWS:
                    yield ViewKey(patient, exam, side, view)


def image_row(recipe: Recipe, frame: Frame, key: ViewKey) -> Row:
    """Return the view's row of the images table; `label` is that of its breast."""
    patient = sample_patient(recipe, key.patient)
    exam = patient.exams[key.exam]
    return {
        "patient_id": key.patient_id,
        "exam_id": key.exam_id,
        "exam_day": (exam.day - patient.exams[0].day).days,
        "image_id": key.path,
        "laterality": key.side,
        "view": key.view,
        "path": key.path,
        "pixel_spacing": frame.spacing,
        "label": int(patient.has_cancer(key.exam, key.side)),
        "density": patient.density,
        "age": exam.age,
        "machine": f"scanner-{patient.machine + 1}",
        "site": f"site-{patient.machine // 2 + 1}",
    }


def finding_rows(recipe: Recipe, frame: Frame, key: ViewKey) -> Iterator[Row]:
    """Yield a row of the findings table for each lesion that the view shows."""
    for number, (lesion, footprint) in shown_lesions(recipe, frame, key).items():
        x0, y0, x1, y1 = box(outline(footprint, frame, key.side))
        yield {
            "image_id": key.path,
            "finding_id": f"{key.path}#{number}",
            "kind": lesion.kind,
            "label": int(lesion.malignant),
            "mask_path": f"{key.path}#{number}",
            "x0": x0,
            "y0": y0,
            "x1": x1,
            "y1": y1,
        }
