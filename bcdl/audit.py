"""`bcdl audit`: what is wrong with a data set, in the terminal and as a report of HTML and CSV."""

from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from bcdl.data.audit import (
    AuditSettings,
    audit,
    images_without_annotation,
    print_findings,
    write_report,
)
from bcdl.data.source import with_some_splits
from bcdl.errors import FindingsError, UserError
from bcdl.sources import build_exam_source, instantiated


def main(cfg: DictConfig) -> None:
    """Prepare the images of `data` where needed, audit them, and write the report into `out`.

    Raises:
        UserError: The data set cannot be read, or `out` not be written.
        FindingsError: Something severe was found and `audit.strict` is true; the report is written.
    """
    settings: AuditSettings = instantiated(cfg.audit)
    folder = _folder(cfg.out)
    source = build_exam_source(cfg)
    prepared = source.prepare(replace(source.preparation, on_bad_image="skip"))
    table = with_some_splits(prepared.table, source.splitting)
    refused = prepared.refusals.refused
    findings = [
        *audit(
            table, prepared.store, prepared.store.checksums, refused.assign(row=refused["row"] + 1), settings
        ),
        *images_without_annotation(source.unlisted(), named=source.preparation.pseudonyms is None),
    ]
    print_findings(findings, Console())
    page = write_report(findings, table, prepared.store, folder, source.name)
    print(f"{page}: the whole report")
    severe = [finding.check for finding in findings if finding.severity == "severe"]
    if severe and settings.strict:
        raise FindingsError(f"{len(severe)} severe findings (audit.strict=true): {', '.join(severe)}")


def _folder(out: str) -> Path:
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"expected out to name a folder that can be written, found '{out}' ({error.strerror})"
        ) from error
    return Path(out)
