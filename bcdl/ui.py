"""`bcdl ui`: the MLflow UI on the configured store."""

import argparse
import os
import socket
import sys

from bcdl.tracking.options import add_store_arguments

RUNS_VIEW = "?workflowType=machine_learning"  # MLflow 3 opens on the traces of language models otherwise


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl ui`."""
    parser.add_argument("--port", type=int, default=5000, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    add_store_arguments(parser)


def main(options: argparse.Namespace) -> None:
    """Become the MLflow server of the store; where the store is a server already, only name its address.

    Raises:
        UserError: if the port is taken.
    """
    from bcdl.tracking import TrackingStore
    from bcdl.tracking.places import without_passwords

    store = TrackingStore.open(options.tracking_root, options.experiment)
    if store.uri.startswith("http"):
        print(f"The store is an MLflow server already: open {without_passwords(store.uri)}")
        return
    _require_free(options.host, options.port)
    address = f"http://{options.host}:{options.port}/#/experiments/{store.experiment_id}/runs{RUNS_VIEW}"
    print(f"MLflow UI of {without_passwords(store.uri)}: {address} (Ctrl-C ends it)", flush=True)
    os.environ.setdefault(
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"
    )  # it would start seven more processes
    os.environ["MLFLOW_BACKEND_STORE_URI"] = store.uri  # an address may hold a password: not for `ps`
    command = [sys.executable, "-m", "mlflow", "server", "--host", options.host, "--port", str(options.port)]
    os.execv(sys.executable, [*command, "--workers", "1"])


def _require_free(host: str, port: int) -> None:
    from bcdl.errors import UserError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = f"cannot listen on {host}:{port} ({error}); give another one with --port"
            raise UserError(reason) from error
