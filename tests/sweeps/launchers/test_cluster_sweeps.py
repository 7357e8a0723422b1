"""Whole sweeps of real training on real clusters, as a user types them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bcdl.sweeps.ledger import Ledger
from bcdl.tracking import TrackingStore
from tests.conftest import TINY_NETWORK, TINY_PHANTOM, TINY_RUN
from tests.ray_cluster import NODE, ray_cluster
from tests.slurm import slurm_cluster

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster
