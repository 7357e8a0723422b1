"""`bcdl prepare`: a data set's images decoded into a store, beside its tables, and a report on them."""

import time
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from bcdl.data.feature_table import write_features
from bcdl.data.preparing import Prepared
from bcdl.data.publishing import REPORT
from bcdl.data.refusals import Refusals
from bcdl.sources import build_exam_source


def main(cfg: DictConfig) -> None:
    """Prepare the images of `data`, print what was stored and refused, and write `refusals.csv` in the store.

    Raises:
        UserError: The data set is wrong, or images are refused and `data.on_bad_image` is error: after all
            others are stored.
    """
    source = build_exam_source(cfg)
    policy = source.preparation.on_bad_image
    how = replace(
        source.preparation,
        on_bad_image="keep",
        workers=cfg.prepare.workers,
        verify=cfg.prepare.verify,
        retry=True,
        publish=True,
    )
    start = time.monotonic()
    prepared = source.prepare(how)
    _print_stored(prepared, time.monotonic() - start, cfg.prepare.verify)
    _report(prepared.refusals, prepared.store.folder)
    if links := source.write_links(prepared.store.folder.name):
        print(f"pseudonyms: {links} says which image is which (only you can read it)")
    if cfg.prepare.features:
        print(f"features: {write_features(prepared, cfg.prepare.workers)}")
    prepared.refusals.kept(policy, prepared.store.folder)


def _print_stored(prepared: Prepared, seconds: float, verified: bool) -> None:
    images, store = prepared.table.images, prepared.store
    exams = images[["patient_id", "exam_id"]].drop_duplicates()
    print(
        f"{store.folder}: {len(images):,} images of {images['patient_id'].nunique():,} patients and "
        f"{len(exams):,} exams, {store.height} x {store.width} pixels of {store.dtype.itemsize * 8} bit"
    )
    rate = f" ({prepared.decoded / seconds:.1f} images a second)" if prepared.decoded and seconds else ""
    print(f"decoded {prepared.decoded:,} in {seconds:.1f} s{rate}; the others were stored already")
    if verified:
        print(f"verified: {prepared.damaged} stored images were damaged and are decoded anew")


def _report(refusals: Refusals, folder: Path) -> None:
    """Print the problems by kind."""
    if refusals.rows.empty:
        return
    table = Table(title="What was said against images", title_justify="left")
    for name in ("problem", "images", "", "the first"):
        table.add_column(name, justify="right" if name == "images" else "left", overflow="fold")
    for kind, refused, images in refusals.counts().itertuples(index=False):
        first = refusals.rows[refusals.rows["kind"] == kind].iloc[0]
        table.add_row(kind, f"{images:,}", "refused" if refused else "remark", first["detail"])
    Console().print(table)
    print(f"{folder / REPORT} names every image")
