"""From a configuration to its data set, for verbs that need no model: without the imports of training."""

from pathlib import Path
from typing import Any, cast

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from bcdl.data.multi import MultiSource
from bcdl.data.preparing import Preparation
from bcdl.data.privacy import key_file, open_pseudonyms
from bcdl.data.source import ExamSource, Splitting
from bcdl.data.store import cache_folder
from bcdl.errors import UserError


def build_source(cfg: DictConfig) -> ExamSource | MultiSource:
    """Return the data set of a configuration, or several pooled; nothing is read before its `open()`.

    Args:
        cfg: A configuration with the groups `data` and `imaging`.
    """
    if "stores" in cfg.data:
        data = cast(Any, OmegaConf.to_container(cfg.data, resolve=True, throw_on_missing=True))
        return MultiSource(data["stores"], data["weights"] or {}, _splitting(cfg.data))
    return build_exam_source(cfg)


def build_exam_source(cfg: DictConfig) -> ExamSource:
    """Return the one data set of a configuration.

    Raises:
        UserError: The configuration pools several.
    """
    data = cfg.data
    if "reader" not in data:
        raise UserError(
            "expected one data set, found data=multi; name one of its own, such as data=cbis_ddsm"
        )
    key = key_file() if data.pseudonym_key is None else Path(data.pseudonym_key)
    return ExamSource(
        reader=instantiated(data.reader),
        preparation=Preparation(
            imaging=instantiated(cfg.imaging),
            folder=cache_folder() if data.store is None else Path(data.store),
            on_bad_image=data.on_bad_image,
            pseudonyms=open_pseudonyms(key) if data.pseudonyms else None,
        ),
        splitting=_splitting(data),
        drop_duplicates=data.drop_duplicates,
        near_duplicate=data.near_duplicate,
    )


def _splitting(data: DictConfig) -> Splitting:
    return Splitting(
        val_fraction=data.val_fraction,
        test_fraction=data.test_fraction,
        seed=data.split_seed,
        on_patient_overlap=data.on_patient_overlap,
        folds=data.folds,
        fold=data.fold,
    )


def instantiated(node: DictConfig, **arguments: Any) -> Any:  # noqa: ANN401 - the type is what _target_ says
    """Build what a node names, with plain values; further arguments win over the node's own."""
    return instantiate(node, _convert_="all", **arguments)
