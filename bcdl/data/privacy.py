"""Keyed pseudonyms: patients, exams and images under names that only the holder of a key can make.

The exam table of private data is pseudonymised before anything else sees it. The key lies in a file that only
the user can read; it is never logged, and whoever has no key cannot test a guess.
"""

import hmac
import logging
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from bcdl.data.naming import Given, pseudonyms_only
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)
_LINKS = "links"  # the folder, beside the key
_KEY_BYTES, _NAME_CHARACTERS = 32, 16
_OLDEST = 90.0  # years; ages over 89 are one class (45 CFR 164.514)
_NAMES = {"patient_id": "patient", "exam_id": "exam", "image_id": "image"}


@dataclass(frozen=True)
class Pseudonyms:
    """Names in place of names.

    Args:
        key: The secret; not shown by `repr`.
        folder: The user's own folder for what tells names and pseudonyms together, the key's.
    """

    key: bytes = field(repr=False)
    folder: Path = field(default_factory=lambda: key_file().parent)

    def name(self, kind: str, text: str) -> str:
        """Return the pseudonym of an id: 16 hexadecimal characters of its HMAC-SHA256.

        Args:
            kind: patient, exam, image or file: equal texts of different kinds get different names.
            text: The id.
        """
        return hmac.digest(self.key, f"{kind}\0{text}".encode(), "sha256").hex()[:_NAME_CHARACTERS]

    def apply(self, table: ExamTable) -> ExamTable:
        """Replace the ids of a table, make ages over 89 one class, and name findings by their number.

        The paths stay, for the decoder; nothing writes them anywhere.
        """
        images = table.images.copy()
        for column, kind in _NAMES.items():
            images[column] = self._named(images[column], kind)
        images["age"] = images["age"].clip(upper=_OLDEST)
        findings = table.findings.assign(image_id=self._named(table.findings["image_id"], "image"))
        numbers = findings.groupby("image_id").cumcount().astype(str)
        findings["finding_id"] = (findings["image_id"] + "#" + numbers).astype(images["image_id"].dtype)
        return replace(table, images=images, findings=findings)

    def _named(self, cells: pd.Series, kind: str) -> pd.Series:
        names = {text: self.name(kind, text) for text in cells.dropna().unique()}
        return cells.map(names).astype(cells.dtype)


def key_file() -> Path:
    """Return where the key lies unless another file is named: in the user's configuration folder."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "bcdl" / "pseudonym.key"


def open_pseudonyms(file: Path) -> Pseudonyms:
    """Return the pseudonyms of a key, which is made where there is none.

    Raises:
        UserError: Others can read the file, it is no key, or it cannot be made.
    """
    try:
        if not file.is_file():
            _make_key(file)
        mode, key = file.stat().st_mode, file.read_bytes()
    except OSError as error:
        raise UserError(
            f"{file}: expected the key of the pseudonyms, cannot read or make it ({error.strerror}); name "
            "another file with data.pseudonym_key"
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{file}: expected a key that only you can read; chmod 600 {file}")
    if len(key) < _KEY_BYTES:
        raise UserError(
            f"{file}: expected a key of at least {_KEY_BYTES} bytes, found {len(key)}; delete the file, and "
            "another is made (pseudonyms then change)"
        )
    return Pseudonyms(key, file.parent)


def _make_key(file: Path) -> None:
    """Write a new key; of processes that start together one is the first."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.write(secrets.token_bytes(_KEY_BYTES))
        os.link(part, file)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def write_links(images: pd.DataFrame, pseudonyms: Pseudonyms, store: str) -> Path:
    """Write which pseudonym is whose, for the user alone: beside the key, never in a store.

    Args:
        images: The exam table before it was pseudonymised.
        pseudonyms: Its pseudonyms.
        store: Name of the image store.

    Returns:
        The CSV file: pseudonyms and what they stand for, with the images' paths.
    """
    links = images[[*_NAMES, "path"]].copy()
    for column, kind in _NAMES.items():
        links[f"{column}_pseudonym"] = [pseudonyms.name(kind, text) for text in links[column]]
    return _write_link_file(links, pseudonyms.folder / _LINKS / f"{store}.csv")


@contextmanager
def private_messages(pseudonyms: Pseudonyms | None, data: str) -> Iterator[None]:
    """Let messages name files and ids of private data by pseudonyms, and say where it is told whose they are.

    Args:
        pseudonyms: Those of the data; with None messages name what they like.
        data: Name of the data set.
    """
    if pseudonyms is None:
        yield
        return
    with pseudonyms_only(pseudonyms.name) as given:
        try:
            yield
        finally:
            if given:
                _tell(given, pseudonyms.folder / _LINKS / f"{data}-messages.csv")


def _tell(given: Given, file: Path) -> None:
    """Write what messages have named; a failure to do so hides no other."""
    rows = [(kind, pseudonym, name) for (kind, name), pseudonym in given.items()]
    try:
        _write_link_file(pd.DataFrame(rows, columns=["kind", "pseudonym", "name"]), file)
    except UserError as error:
        _LOG.warning("%s", error)
    else:
        _LOG.warning("%s says what the messages name (only you can read it)", file)


def _write_link_file(links: pd.DataFrame, file: Path) -> Path:
    """Write a table for the user alone, also over one that others could read.

    Raises:
        UserError: It cannot be written.
    """
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            links.to_csv(target, index=False)
        part.replace(file)
    except OSError as error:
        raise UserError(
            f"{file.parent}: expected a folder for what tells pseudonyms and names together, cannot write "
            f"there ({error.strerror}); name a key in another folder with data.pseudonym_key"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return file
