"""The name of a sweep for which the user gave none."""

import re
import uuid
from collections.abc import Sequence

KEYS = 3  # in a name
_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]+")


def sweep_name(keys: Sequence[str], study: str | None = None, token: str | None = None) -> str:
    """Return a name that tells sweeps apart, fit for a folder: `model-lr-3f2a`, `demo-four_models-3f2a`.

    Args:
        keys: what varies.
        study: the study, as `<study>/<file>`; its name goes before the keys.
        token: what tells it from another sweep of the same; made up where it is None.
    """
    words = [study.replace("/", "-")] if study else [_last(key) for key in keys]
    words = [_ILLEGAL.sub("", word).strip(".-_") for word in dict.fromkeys(words)]
    shown = [word for word in words if word][:KEYS]
    return "-".join([*(shown or ["sweep"]), token or uuid.uuid4().hex[:4]])


def _last(key: str) -> str:
    return re.split(r"[./@]", key.lstrip("+"))[-1]
