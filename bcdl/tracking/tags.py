"""Names of the tags that runs carry in MLflow."""

OWN_TAGS = "bcdl."  # how those begin that bcdl makes up
KIND_TAG = "bcdl.kind"  # train, evaluate or sweep
COMMAND_TAG = "bcdl.command"  # the whole command line, without places of data
COMMIT_TAG, DIRTY_TAG = "mlflow.source.git.commit", "bcdl.git.dirty"  # of bcdl, or of the working directory
VERSION_TAG, TORCH_TAG = "bcdl.version", "bcdl.torch"
FINGERPRINT_TAG = "bcdl.data_fingerprint"  # of the data that it was trained or judged on
ERROR_TAG = "bcdl.error"  # in one line
CHANGED = "changed."  # before the key of a parameter that a resumed run has changed

SWEEP_TAG, TRIAL_TAG, TRY_TAG, JOB_TAG = "bcdl.sweep", "bcdl.trial", "bcdl.try", "bcdl.job"
FOLD_TAG, SEED_TAG, PRUNED_TAG = "bcdl.fold", "bcdl.seed", "bcdl.pruned"

OBJECTIVES_TAG, VARIED_TAG, JOBS_TAG = "bcdl.objectives", "bcdl.varied", "bcdl.jobs"  # of a sweep's parent
BEST_RUN_TAG, BEST_TRIAL_TAG = "bcdl.best_run", "bcdl.best_trial"

PARENT_TAG = "mlflow.parentRunId"  # MLflow's own, as the next
MEMBERS_TAG = "bcdl.members"  # of an ensemble: the ids of its runs
DESCRIPTION_TAG = "mlflow.note.content"
