"""The verbs of the command line: what each is for, examples of it, and the keys that its users set most.

Plain data, so that the overview, the help pages and the shell completion import nothing heavy.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        summary: what it does, in one line.
        module: the module that runs it.
        examples: command lines, without the leading `bcdl`.
        keys: for a Hydra verb, the keys set most with what they mean.
    """

    summary: str
    module: str
    examples: tuple[str, ...]
    keys: tuple[tuple[str, str], ...] = ()


_SEED = ("seed", "order, augmentation and initial weights derive from it")
_UNIT = ("data.unit", "what one sample is: image, breast, exam or patient")
_ROOT = ("tracking.root", "folder of the MLflow store and the runs' working files")

HYDRA_VERBS = {
    "train": Verb(
        summary="Train, validate and test one model; with -m one run for every combination.",
        examples=(
            "train model=cnn_rnn data=phantom trainer.max_epochs=5",
            "train -m model=cnn,cnn_rnn,autoencoder,transfer data=breastmnist data.root=data/breastmnist",
            "train -m experiments=demo/four_models",
            "train -m sweep=tpe sweep.n_trials=40 'optimizer.lr=tag(log,interval(1e-5,1e-2))'",
            "train resume=latest trainer.max_epochs=40",
            "train from=latest optimizer.lr=3e-4",
        ),
        module="bcdl.train",
        keys=(
            ("trainer.max_epochs", "passes over the training samples"),
            ("optimizer.lr", "learning rate"),
            ("data.batch_size", "samples a step"),
            _UNIT,
            _SEED,
            ("resume", "a run that goes on: id, name or latest"),
            ("from", "a run whose configuration a new run starts from"),
            _ROOT,
        ),
    ),
    "evaluate": Verb(
        summary="Judge a run's best checkpoint, an ensemble of runs, or anyone's predictions from a file.",
        examples=(
            "evaluate run=latest",
            "evaluate run=3f2a evaluate.threshold=youden",
            "evaluate run=latest data=inbreast data.root=/data/INbreast",
            "evaluate run=latest evaluate.shifts=all",
            "evaluate run=latest evaluate.tta=flip",
            "evaluate evaluate.runs=[3f2a,91bc]",
            "evaluate predictions=mine.csv out=report",
            "evaluate predictions=mine.csv columns.label=cancer evaluate.prevalence=0.005",
        ),
        module="bcdl.evaluate",
        keys=(
            ("run", "run id, 4 or more leading characters of it, run name, or latest"),
            ("data", "another data set to judge the run on, whole"),
            ("predictions", "instead of a run: a CSV or Parquet file"),
            ("out", "folder of the report on those predictions"),
            ("evaluate.calibration", "none, temperature, platt or isotonic"),
            ("evaluate.pdf", "the report as a PDF too"),
            ("evaluate.shifts", "test again under all shifts, or some: [noise,blur]"),
            ("evaluate.tta", "none, flip, affine or full: variants to average over"),
            ("evaluate.runs", "instead of a run: an ensemble of several, or a sweep"),
            _ROOT,
        ),
    ),
    "explain": Verb(
        summary="Show what a run's model looked at: maps, views, like cases; and whether maps find lesions.",
        examples=(
            "explain run=latest",
            "explain run=latest split=test n=16",
            "explain run=3f2a methods=[grad_cam,occlusion] which=errors",
            "explain run=latest split=val scores=false check=false",
        ),
        module="bcdl.explaining",
        keys=(
            ("run", "run id, 4 or more leading characters of it, run name, or latest"),
            ("split", "train, val or test"),
            ("n", "samples on the sheets"),
            ("which", "highest, errors or random: how they are chosen"),
            ("methods", "such as [grad_cam,integrated_gradients]; null takes those that suit the model"),
            ("most", "samples with a lesion that are scored, and as many without"),
            _ROOT,
        ),
    ),
    "predict": Verb(
        summary="Predict on new images without labels: probabilities, decisions, flags, overlays.",
        examples=(
            "predict run=latest input=new_exams out=predictions",
            "predict run=3f2a input=new.csv out=predictions format=parquet overlay=grad_cam",
            "predict run=latest input=new_exams out=sensitive operating_point=sensitivity=0.9",
        ),
        module="bcdl.predict",
        keys=(
            ("run", "run id, 4 or more leading characters of it, run name, or latest"),
            ("input", "a folder of DICOM files or images, or a manifest"),
            ("out", "folder of the tables, the summary and the overlays"),
            ("format", "csv, parquet or json"),
            ("operating_point", "a goal such as sensitivity=0.9, or a probability"),
            ("overlay", "a method such as grad_cam: a picture a sample"),
            ("data.patient_from", "which patient a file is: tag, folder, or a regular expression"),
            _ROOT,
        ),
    ),
    "prepare": Verb(
        summary="Decode a data set into its image store, beside its tables, and report on its images.",
        examples=(
            "prepare data=cbis_ddsm data.root=/data/CBIS-DDSM imaging.size=[1024,512] data.store=stores",
            "prepare data=dicom_folder data.root=exams data.labels=labels.csv data.on_bad_image=skip",
            "prepare data=phantom prepare.verify=true",
        ),
        module="bcdl.prepare",
        keys=(
            ("data.store", "folder of the store; null is the user's cache folder"),
            ("data.on_bad_image", "error, skip or keep what the quality gate refuses"),
            ("imaging.size", "[rows,columns]"),
            ("prepare.workers", "processes; null is one a core"),
            ("prepare.verify", "check stored images against their checksums"),
            ("prepare.features", "add a table of classical features"),
        ),
    ),
    "audit": Verb(
        summary="Say what is wrong with a data set: duplicates, leaks, confounding, missing views.",
        examples=(
            "audit data=cbis_ddsm data.root=/data/CBIS-DDSM out=audit",
            "audit data=manifest data.path=exams.csv audit.strict=true",
        ),
        module="bcdl.audit",
        keys=(
            ("out", "folder of the report"),
            ("audit.strict", "exit with 3 when something severe is found"),
            ("data.near_duplicate", "correlation from which two images are one"),
        ),
    ),
    "view": Verb(
        summary="Draw a contact sheet of samples as the model sees them, augmented, with labels.",
        examples=(
            "view data=phantom augment=standard n=16",
            "view data=breastmnist split=val out=val.png",
            "view data=phantom patient=p000012",
        ),
        module="bcdl.view",
        keys=(
            ("patient", "all samples of this patient, with the findings outlined"),
            ("n", "how many samples"),
            ("split", "train, val or test"),
            _UNIT,
            _SEED,
            ("out", "the PNG file to write"),
        ),
    ),
}

OPTION_VERBS = {
    "sweep": Verb(
        summary="Go on with a sweep where it stopped, or show how it stands.",
        module="bcdl.sweep",
        examples=(
            "sweep status",
            "sweep resume latest",
            "sweep resume lr-3f2a sweep.n_trials=60",
            "sweep resume lr-3f2a --fork wider optimizer.lr=1e-5,1e-4",
        ),
    ),
    "compare": Verb(
        summary="Print the leaderboard over runs, ordered by their validation score.",
        module="bcdl.compare",
        examples=(
            "compare",
            "compare --sweep latest",
            "compare --metric average_precision --csv runs.csv",
            "compare 3f2a latest --test",
            "compare --predictions a.csv b.csv --test --json tests.json",
        ),
    ),
    "promote": Verb(
        summary="Register a run's best model in MLflow's model registry, under an alias such as champion.",
        module="bcdl.promote",
        examples=(
            "promote latest --as champion",
            "promote --sweep latest --as challenger",
            "promote 3f2a --as champion --name bcdl-mammography",
        ),
    ),
    "diff": Verb(
        summary="Print what differs between two runs: configuration, data, code, versions, metrics.",
        module="bcdl.diff",
        examples=("diff 3f2a 91bc", "diff cnn-small_cnn-phantom-3f2a latest"),
    ),
    "report": Verb(
        summary="Print where a run's report lies, open it, or write it as a PDF.",
        module="bcdl.report",
        examples=("report latest --open", "report 3f2a --pdf report.pdf", "report latest --out report.html"),
    ),
    "ui": Verb(
        summary="Open the MLflow UI on the configured store; Ctrl-C ends it.",
        module="bcdl.ui",
        examples=("ui", "ui --port 5001"),
    ),
    "sync": Verb(
        summary="Deliver what runs could not while their tracking store was away.",
        module="bcdl.sync",
        examples=("sync", "sync 3f2a"),
    ),
    "gc": Verb(
        summary="Show what lies in the tracking root and no run needs, and remove it.",
        module="bcdl.tidy",
        examples=("gc", "gc --yes", "gc --last-checkpoints --older-than 30"),
    ),
    "list": Verb(
        summary="Print every config group and its choices, or one group's choices with what each is.",
        module="bcdl.catalog",
        examples=("list", "list model", "list --config-dir my_conf"),
    ),
    "completion": Verb(
        summary='Print the script that completes bcdl in a shell; for bash: eval "$(bcdl completion bash)".',
        module="bcdl.completion",
        examples=("completion bash", "completion zsh", "completion fish"),
    ),
}

VERBS = {**HYDRA_VERBS, **OPTION_VERBS}
