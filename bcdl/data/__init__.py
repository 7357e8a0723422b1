"""From a data set on disk to batches: exam table, splits, image store, samples, datamodule.

Names are imported on first use: a process that only decodes images needs neither torch nor Lightning.
"""

from typing import TYPE_CHECKING

from bcdl.lazy import importer

if TYPE_CHECKING:
    from bcdl.data.batch import Batch, Sample, collate
    from bcdl.data.datamodule import ExamDataModule
    from bcdl.data.dataset import ExamDataset
    from bcdl.data.samples import UNITS, group_samples
    from bcdl.data.sampling import (
        BalancedBatchSampler,
        BatchSampler,
        InOrderSampler,
        ShuffledSampler,
        WeightedSampler,
    )
    from bcdl.data.splits import assign_folds, make_splits
    from bcdl.data.table import (
        DENSITIES,
        LATERALITIES,
        SPLITS,
        VIEWS,
        ExamTable,
        complete_findings,
        complete_images,
        keep_valid_rows,
        positive_last,
        validate_table,
    )

__all__ = [
    "DENSITIES",
    "LATERALITIES",
    "SPLITS",
    "UNITS",
    "VIEWS",
    "BalancedBatchSampler",
    "Batch",
    "BatchSampler",
    "ExamDataModule",
    "ExamDataset",
    "ExamTable",
    "InOrderSampler",
    "Sample",
    "ShuffledSampler",
    "WeightedSampler",
    "assign_folds",
    "collate",
    "complete_findings",
    "complete_images",
    "group_samples",
    "keep_valid_rows",
    "make_splits",
    "positive_last",
    "validate_table",
]

__getattr__ = importer(
    __name__,
    {
        "BalancedBatchSampler": "sampling",
        "Batch": "batch",
        "BatchSampler": "sampling",
        "DENSITIES": "table",
        "ExamDataModule": "datamodule",
        "ExamDataset": "dataset",
        "ExamTable": "table",
        "InOrderSampler": "sampling",
        "LATERALITIES": "table",
        "SPLITS": "table",
        "Sample": "batch",
        "ShuffledSampler": "sampling",
        "UNITS": "samples",
        "VIEWS": "table",
        "WeightedSampler": "sampling",
        "assign_folds": "splits",
        "collate": "batch",
        "complete_findings": "table",
        "complete_images": "table",
        "group_samples": "samples",
        "keep_valid_rows": "table",
        "make_splits": "splits",
        "positive_last": "table",
        "validate_table": "table",
    },
)
