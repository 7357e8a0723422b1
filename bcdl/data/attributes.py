"""What is known of each sample beside its label: the columns by which results are divided into subgroups."""

import pandas as pd

from bcdl.data.table import ExamTable

SEVERAL = "several"  # where the images of a sample differ
NO_FINDING = "no finding"
MOST_VALUES = 12  # of a `meta_*` column of text that is kept
_ALWAYS = ("density", "age", "machine", "site")


def sample_attributes(table: ExamTable, samples: pd.DataFrame) -> pd.DataFrame:
    """Return the attributes of samples that have any values to divide them by.

    Args:
        table: the exam table.
        samples: the sample table; its `rows` are positions in the images.

    Returns:
        `sample_id` and the columns with two values or more: `density, age, machine, site`, `view` (where
        every sample is one image), `meta_*` with few values or numbers, and `lesion`, the kind of its
        findings. Null where unknown.
    """
    columns = {"sample_id": samples["sample_id"].reset_index(drop=True)}
    images = table.images
    single = samples["rows"].map(len).max() == 1 if len(samples) else False
    names = [*_ALWAYS, *(["view"] if single else []), *_meta(images)]
    for name in names:
        values = images[name].replace("NA", None) if name == "view" else images[name]
        columns[name] = _of_samples(values, samples)
    if len(table.findings):
        columns["lesion"] = _of_samples(_lesions(table), samples)
    attributes = pd.DataFrame(columns)
    return attributes[[name for name in attributes if name == "sample_id" or attributes[name].nunique() > 1]]


def _meta(images: pd.DataFrame) -> list[str]:
    """Return the `meta_*` columns that divide patients; others hold names, numbers of cases or remarks."""
    return [str(name) for name in images if str(name).startswith("meta_") and _divides(images, str(name))]


def _divides(images: pd.DataFrame, name: str) -> bool:
    """Return whether a column has few values, each of several patients on average, or many numbers."""
    values = images[name].nunique()
    if values > MOST_VALUES:
        return pd.api.types.is_numeric_dtype(images[name])
    return 2 * values <= images["patient_id"].nunique()


def _lesions(table: ExamTable) -> pd.Series:
    """Return the kind of the findings of each image."""
    kinds = table.findings.groupby("image_id")["kind"].agg(
        lambda found: found.iloc[0] if found.nunique() == 1 else SEVERAL
    )
    return table.images["image_id"].map(kinds).astype("string").fillna(NO_FINDING)


def _of_samples(values: pd.Series, samples: pd.DataFrame) -> pd.Series:
    """Return each sample's value: that of its images, `SEVERAL` or for numbers the mean where they differ."""
    long = samples["rows"].explode()
    of_images = pd.Series(values.array[long.to_numpy(dtype="int64")], index=long.index)
    groups = of_images.groupby(level=0, sort=False)
    if pd.api.types.is_numeric_dtype(values):
        return groups.mean().reindex(samples.index).reset_index(drop=True)
    first = groups.first().astype("string")
    return first.mask(groups.nunique() > 1, SEVERAL).reindex(samples.index).reset_index(drop=True)
