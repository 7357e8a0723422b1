"""From images to logits: decoded as in training, a batch at a time; a bad image costs itself alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.batch import Batch
from bcdl.data.decoding import Decoder, Source
from bcdl.data.pool import in_order
from bcdl.data.readers.reader import Reader
from bcdl.data.samples import group_samples
from bcdl.explain import embed_and_predict
from bcdl.imaging import Pixels
from bcdl.prediction.incoming import Incoming
from bcdl.serving.facts import Facts
from bcdl.serving.preparing import SentImage, decoded_image
from bcdl.serving.scorer import Scorer

_AHEAD = 2  # batches a worker that may wait decoded
_KEYS = ["sample_id", "patient_id", "exam_id", "laterality"]
Draw = Callable[[Batch, pd.DataFrame, Sequence[Pixels], NDArray[np.float32]], list[str]]
"""Of a batch, its samples, the pixels that their `rows` name, and the logits: the files drawn of them."""


@dataclass(frozen=True)
class Scored:
    """What came of some samples.

    Attributes:
        samples: a row each: `_KEYS`, `images` (how many were used), `views` (which), `refused` (whether the
            quality gate refused one), `problems` (why), `error` (why there are no logits) and, where drawn,
            `overlay`.
        logits: (N,) or (N, K), NaN where there are none.
        embeddings: (N, D), NaN likewise.
    """

    samples: pd.DataFrame
    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]


def sample_rows(images: pd.DataFrame, facts: Facts) -> list[list[int]]:
    """Return the rows of `images` that each sample is made of, repeated views among them."""
    rows: list[list[int]] = group_samples(images, facts.unit, "all", None)["rows"].tolist()
    return rows


def scored(
    scorer: Scorer, incoming: Incoming, batch_size: int, workers: int, draw: Draw | None = None
) -> Iterator[Scored]:
    """Yield what comes of all samples, in order, so many at a time.

    Args:
        scorer: the model.
        incoming: what is to be predicted.
        batch_size: samples decoded and computed at once.
        workers: processes that decode; 1 decodes in this one.
        draw: draws the overlays of a batch.
    """
    asked = sample_rows(incoming.images, scorer.facts)
    parts = [
        incoming.images.iloc[sorted(chain(*asked[start : start + batch_size]))].reset_index(drop=True)
        for start in range(0, len(asked), batch_size)
    ]
    decode = _Decode(incoming.reader, scorer.facts)
    with closing(in_order(decode, parts, workers, ahead=_AHEAD * workers)) as decoded:
        for part, sent in zip(parts, decoded, strict=True):
            yield _scored(scorer, part, sent, draw)


@dataclass(frozen=True)
class _Decode:
    """Decodes rows of the exam table; goes to worker processes."""

    reader: Reader
    facts: Facts

    def __call__(self, images: pd.DataFrame) -> list[SentImage]:
        decoder = Decoder(self.reader, self.facts.prepares)
        return [
            decoded_image(decoder, _source(row), str(row.view), self.facts)
            for row in images.itertuples(index=False)
        ]


def _source(row: object) -> Source:
    spacing = row.pixel_spacing  # type: ignore[attr-defined]  # a row of the exam table
    return Source(
        key="",
        image_id=str(row.image_id),  # type: ignore[attr-defined]
        path=str(row.path),  # type: ignore[attr-defined]
        frame=int(row.frame),  # type: ignore[attr-defined]
        laterality=str(row.laterality),  # type: ignore[attr-defined]
        spacing=None if pd.isna(spacing) else float(spacing),
    )


def _scored(scorer: Scorer, images: pd.DataFrame, sent: Sequence[SentImage], draw: Draw | None) -> Scored:
    facts = scorer.facts
    asked = group_samples(images, facts.unit, "all", None)
    usable = np.flatnonzero([each.pixels is not None for each in sent])
    pixels = [each.pixels for each in sent if each.pixels is not None]
    left = images.iloc[usable].reset_index(drop=True)
    newest = facts.newest_exams if facts.unit == "patient" else None
    used = group_samples(left, facts.unit, facts.on_extra_view, newest) if len(left) else asked.iloc[:0]
    found = _infer(scorer, pixels, left, used, draw)
    place = pd.Index(used["sample_id"]).get_indexer(pd.Index(asked["sample_id"]))
    samples = asked[_KEYS].assign(
        images=[len(used["rows"][at]) if at >= 0 else 0 for at in place],
        views=[_views(left, used["rows"][at]) if at >= 0 else "" for at in place],
        refused=[any(sent[row].objections for row in rows) for rows in asked["rows"]],
        problems=[_problems(images, sent, rows) for rows in asked["rows"]],
        error=["" if at >= 0 else "none of its images can be used" for at in place],
    )
    if draw is not None:
        samples["overlay"] = [found.overlays[at] if at >= 0 else "" for at in place]
    return Scored(samples, _placed(found.logits, place), _placed(found.embeddings, place))


@dataclass(frozen=True)
class _Found:
    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    overlays: list[str]


def _infer(
    scorer: Scorer, pixels: Sequence[Pixels], images: pd.DataFrame, samples: pd.DataFrame, draw: Draw | None
) -> _Found:
    if samples.empty:
        classes = scorer.facts.num_classes
        width = scorer.model.pooled_dim()
        return _Found(
            np.zeros((0,) if classes == 2 else (0, classes), np.float32), np.zeros((0, width), np.float32), []
        )
    logits, embeddings, overlays, start = [], [], [], 0
    for batch in scorer.batches(pixels, images, samples):
        features, scores = embed_and_predict(scorer.model, batch)
        part = samples.iloc[start : start + len(scores)]
        overlays += draw(batch, part, pixels, scores) if draw else []
        logits.append(scores)
        embeddings.append(features)
        start += len(scores)
    return _Found(np.concatenate(logits), np.concatenate(embeddings), overlays)


def _placed(values: NDArray[np.float32], place: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the rows of `values` at `place`, NaN where that is -1."""
    placed = np.full((len(place), *values.shape[1:]), np.nan, np.float32)
    placed[place >= 0] = values[place[place >= 0]]
    return placed


def _views(images: pd.DataFrame, rows: Sequence[int]) -> str:
    return " ".join(view_name(images, row) for row in rows)


def _problems(images: pd.DataFrame, sent: Sequence[SentImage], rows: Sequence[int]) -> str:
    said = [(view_name(images, row), sent[row].error or sent[row].objections) for row in rows]
    return "; ".join(f"{name}: {reason}" for name, reason in said if reason)


def view_name(images: pd.DataFrame, row: int) -> str:
    """Return such as `L-CC`, or `image` where neither side nor view is known."""
    known = [word for word in (images["laterality"][row], images["view"][row]) if word != "NA"]
    return "-".join(map(str, known)) or "image"
