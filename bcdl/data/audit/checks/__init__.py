"""The checks of the audit, one question a file; each returns its findings, none where all is well."""

from bcdl.data.audit.checks.balance import class_balance, split_prevalence
from bcdl.data.audit.checks.confounding import class_by_source, split_by_source
from bcdl.data.audit.checks.copies import copies
from bcdl.data.audit.checks.leaks import birads_leak, label_leaks
from bcdl.data.audit.checks.patients import patients_across_splits
from bcdl.data.audit.checks.quality import blank_images, images_without_annotation, refused_images
from bcdl.data.audit.checks.views import missing_views, unknown_views

__all__ = [
    "birads_leak",
    "blank_images",
    "class_balance",
    "class_by_source",
    "copies",
    "images_without_annotation",
    "label_leaks",
    "missing_views",
    "patients_across_splits",
    "refused_images",
    "split_by_source",
    "split_prevalence",
    "unknown_views",
]
