"""What a model has to know of the data it was trained on, so that it can predict without them."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from omegaconf import DictConfig

from bcdl.data import ExamDataModule
from bcdl.data.multi import MultiSource
from bcdl.data.store import read_about
from bcdl.errors import UserError
from bcdl.imaging import Imaging
from bcdl.stats import Calibrator

FILE = "facts.json"
POSITIONS = ("laterality", "view")  # columns that a DICOM header can fill


@dataclass(frozen=True)
class Facts:
    """The data of a run as a model sees them.

    Attributes:
        data_set: name of the data set.
        classes: class names by label; of two, the second is the positive one.
        image_size: height and width of a prepared image in pixels.
        channels: channels of a prepared image.
        dtype: type of its pixels, `uint8` or `uint16`.
        imaging: arguments of `Imaging`.
        unit: what a sample is: image, breast, exam or patient.
        newest_exams: how many of a patient's newest exams count; None for all.
        on_extra_view: `first` or `all` images of a repeated view.
        on_bad_image: what becomes of images that the quality gate refuses: error, skip or keep.
        batch_size: samples computed at once.
        positions: which of `POSITIONS` the training's table knew; headers are not asked for others.
        threshold: calibrated probability from which a sample of two classes counts as positive.
        calibrator: makes probabilities of logits; fitted on validation.
    """

    data_set: str
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    channels: int
    dtype: str
    imaging: dict[str, Any]
    unit: str
    newest_exams: int | None
    on_extra_view: str
    on_bad_image: str
    batch_size: int
    positions: tuple[str, ...]
    threshold: float
    calibrator: Calibrator

    @classmethod
    def of(
        cls, data: ExamDataModule, cfg: DictConfig, threshold: float, calibrator: Calibrator | None = None
    ) -> Self:
        """Return the facts of prepared data.

        Args:
            data: a run's prepared data.
            cfg: the run's configuration.
            threshold: the run's threshold.
            calibrator: the run's calibrator; None leaves the model's own probabilities.
        """
        images, pooled = data.table.images, isinstance(data.source, MultiSource)
        return cls(
            data_set=data.source.name,
            classes=data.classes,
            image_size=data.image_size,
            channels=data.channels,
            dtype=str(np.dtype(data.store.dtype)),
            imaging=_imaging(data),
            unit=data.unit,
            newest_exams=data.newest_exams,
            on_extra_view=data.on_extra_view,
            on_bad_image="skip" if pooled else cfg.data.on_bad_image,
            batch_size=data.batch_size,
            positions=tuple(name for name in POSITIONS if (images[name] != "NA").any()),
            threshold=threshold,
            calibrator=calibrator or Calibrator(),
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the facts that `written` gave as text.

        Raises:
            UserError: they are those of another version.
        """
        found = json.loads(text)
        names = {field.name for field in fields(cls)}
        if set(found) != names:
            other = ", ".join(sorted(set(found) ^ names))
            raise UserError(
                f"the model was saved by another version of bcdl (they differ in {other}); install the one "
                "that its requirements.txt names, or promote the run anew"
            )
        lists = {key: tuple(found[key]) for key in ("classes", "image_size", "positions")}
        fitted = Calibrator.from_json(json.dumps(found["calibrator"]))
        return cls(**{**found, **lists, "calibrator": fitted})

    def written(self) -> str:
        """Return the facts as JSON."""
        return json.dumps(asdict(self), indent=1)

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def prepares(self) -> Imaging:
        """How an image is decoded and prepared."""
        return Imaging(**self.imaging)

    def class_counts(self) -> list[int]:
        """Return one a class: a loss that weighs classes takes its weights from the checkpoint."""
        return [1] * self.num_classes


def _imaging(data: ExamDataModule) -> dict[str, Any]:
    """Return the settings by which the images of a store were prepared."""
    if isinstance(data.source, MultiSource):
        folder, _ = next(data.store.folders())
        return dict(read_about(folder)["imaging"])
    return asdict(data.source.preparation.imaging)  # type: ignore[attr-defined]  # the one other source
