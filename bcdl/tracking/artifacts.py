"""Names of the artifacts of a run that others read."""

CONFIG = "config.yaml"  # the resolved configuration
JUDGED_BY = "evaluate.yaml"  # how it was judged last
PREDICTIONS = "predictions.parquet"
