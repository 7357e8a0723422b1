"""A real Ray cluster of two nodes with a core each on this machine."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


def require_ray() -> None:
    """Skip where Ray is not installed; fail in continuous integration."""
    if find_spec("ray") is None:
        text = "a Ray cluster needs the extra: pip install 'bcdl[ray]'"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(text)


@contextmanager
def ray_cluster() -> Iterator["Cluster"]:
    """Start a cluster and yield it; all its processes have ended afterwards."""
    require_ray()
    with tempfile.TemporaryDirectory(prefix="ray") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)  # holds sockets, whose paths have to be short
        (Path(folder) / "ray").mkdir()
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        try:
            cluster.add_node(**NODE)
            cluster.wait_for_nodes()
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
