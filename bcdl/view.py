"""`bcdl view`: a PNG contact sheet of samples, or of one patient, as the model sees them."""

from pathlib import Path

from omegaconf import DictConfig

from bcdl.assemble import build_data
from bcdl.data import SPLITS
from bcdl.errors import UserError, nearest
from bcdl.sheets import patient_sheet, sample_sheet


def main(cfg: DictConfig) -> None:
    """Draw `n` samples of a split, or all of `patient`, into the file `out`.

    Raises:
        UserError: if the split or the patient is unknown, `n` is below 1, or `out` is no PNG or cannot be
            written.
    """
    splits = [name for name in SPLITS if name != "NA"]
    if cfg.split not in splits:
        hint = nearest(cfg.split, splits)
        raise UserError(f"expected split to be train, val or test, found '{cfg.split}'.{hint}")
    if not isinstance(cfg.n, int) or cfg.n < 1:
        raise UserError(f"expected n to be a number of samples, at least 1, found {cfg.n}")
    path = _png(cfg.out)
    if cfg.patient is not None:  # whatever split they would be in
        cfg.data.val_fraction = cfg.data.test_fraction = 0
        cfg.data.folds = cfg.data.fold = None
    data = build_data(cfg)
    data.prepare()
    if cfg.patient is not None:
        sheet, samples = patient_sheet(data, str(cfg.patient))
        sheet.savefig(path)
        print(f"{path}: {samples} {'sample' if samples == 1 else 'samples'} of the patient")
        return
    sample_sheet(data, cfg.split, cfg.n).savefig(path)
    print(f"{path}: {min(cfg.n, len(data.split_samples(cfg.split)))} samples of {cfg.split}")


def _png(out: str) -> Path:
    path = Path(out)
    if path.suffix != ".png":
        raise UserError(f"expected out to name a .png file, found '{path}'")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"expected out to name a file that can be written, found '{path}' ({error.strerror})"
        ) from error
    return path
