"""A sweep in the real MLflow UI, as a user comes to see it; the screenshots go to `$BCDL_SCREENSHOTS`."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from bcdl.tracking import TrackingStore
from tests.browser import Page, chromium, require_chromium
from tests.servers import free_port

pytestmark = pytest.mark.slow
NAME = "two_models"
OBJECTIVE = "best/val/auroc"
ROW = ".ag-pinned-left-cols-container .ag-row"
START_LIMIT = 120  # seconds
REPORT = ("data.unit=exam", "evaluate.report=true", "evaluate.draws=50", "evaluate.threshold=0.99")
WIDTHS = (1280, 390)  # pixels


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, database_template: Path, tiny: tuple[str, ...]) -> Path:
    """The tracking root of a sweep over two models and two seeds."""
    require_chromium()
    root = tmp_path_factory.mktemp("browser") / "runs"
    root.mkdir()
    shutil.copy(database_template, root / "mlflow.db")
    typed = ("train", "-m", "model=cnn,cnn_rnn", "sweep.seeds=2", f"sweep.name={NAME}", *tiny, *REPORT)
    done = subprocess.run(
        bcdl(*typed), cwd=root.parent, env=environment(root), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """Where `bcdl ui` says that the experiment is to be seen."""
    port = str(free_port())
    with subprocess.Popen(
        bcdl("ui", "--port", port),
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # it has workers, which end with it
    ) as server:
        try:
            assert server.stdout is not None
            told = next(line for line in server.stdout if "http://" in line)
            wait_for_answer(f"http://127.0.0.1:{port}/health")
            yield next(word for word in told.split() if word.startswith("http://"))
        finally:
            os.killpg(server.pid, signal.SIGTERM)


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Page]:
    with chromium(tmp_path / "profile", tmp_path / "screenshots") as page:
        page.browser.get(address.partition("#")[0])
        page.click("[role=button]", "Model training")  # once: MLflow remembers it
        page.browser.get(address)
        yield page


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Page]:
    with chromium(tmp_path / "profile", tmp_path / "screenshots") as page:
        yield page


@pytest.fixture
def report(store: TrackingStore, children: pd.DataFrame) -> Path:
    """The report of a run of four views, as a file."""
    return store.download(children["run_id"][0], "report/report.html")


@pytest.fixture
def store(root: Path, monkeypatch: pytest.MonkeyPatch) -> TrackingStore:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return TrackingStore.open(root, create=False)


@pytest.fixture
def children(store: TrackingStore) -> pd.DataFrame:
    """The runs of the sweep's jobs, best first by validation."""
    runs = store.runs(parent=store.resolve(NAME, kind="sweep"))
    return runs.sort_values(f"metrics.{OBJECTIVE}", ascending=False, ignore_index=True)


def bcdl(*typed: str) -> list[str]:
    return [sys.executable, "-m", "bcdl.cli", *typed]


def environment(root: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    cache = {"XDG_CACHE_HOME": str(root.parent / "cache"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    return {**kept, **cache, "BCDL_TRACKING_ROOT": str(root)}


def wait_for_answer(url: str) -> None:
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def rows(page: Page) -> list[str]:
    """Return the names in the table of runs, from top to bottom."""
    found = sorted(page.shown(ROW), key=lambda row: int(row.get_attribute("row-index") or 0))
    return [row.find_element(By.TAG_NAME, "a").text for row in found]


def test_a_user_finds_the_best_runs_of_a_sweep_compares_them_and_looks_at_their_figures(
    page: Page, children: pd.DataFrame
) -> None:
    open_experiment(page)
    expand(page, children)
    sort_by_objective(page, children)
    best = children.drop_duplicates("params.model")  # one of each
    select(page, list(best["name"]))
    look_at_parallel_coordinates(page)
    compare(page, list(best["name"]))
    look_at_confusion_matrix(page, best["run_id"].iloc[0])


def test_the_parent_run_says_how_its_sweep_went(page: Page, store: TrackingStore) -> None:
    open_experiment(page)
    page.click(f"{ROW} a", NAME)
    page.sees("2 of 2 trials finished")
    page.sees(OBJECTIVE)
    page.picture("parent")
    page.click("[role=tab], a", "Artifacts")
    for name in ("leaderboard.csv", "sweep.html"):
        page.sees(name)
    trials = pd.read_csv(store.download(store.resolve(NAME, kind="sweep"), "trials.csv"))
    assert list(trials["jobs"]) == [2, 2]
    page.click("[data-testid=artifact-tree-node]", "trials.csv")
    page.sees(f"{OBJECTIVE} sd")
    page.picture("parent_trials")
    page.click("[data-testid=artifact-tree-node]", "parallel_coordinates.png")
    see_image(page, "parallel_coordinates.png")
    page.picture("parent_parallel_coordinates")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_is_whole_at_the_width_of_a_desk_and_of_a_telephone(
    width: int, report: Path, bare: Page
) -> None:
    bare.resize(width)
    bare.browser.get(report.as_uri())
    bare.sees("What was trained on what")
    bare.whole_picture(f"report_{width}")
    for text in ("Learning curves", "Metrics", "Operating points", "Worst errors", "Methods", "Limits"):
        assert text in bare.text
    assert "AUROC" in bare.shown(".headline")[0].text
    assert bare.ask("return document.documentElement.scrollWidth") <= width
    pictures = bare.ask("return [...document.images].map(image => [image.naturalWidth, image.clientWidth])")
    assert len(pictures) > 5
    assert all(natural > 0 and shown > 0 for natural, shown in pictures)
    assert bare.ask("return performance.getEntriesByType('resource').map(entry => entry.name)") == []
    assert "http" not in report.read_text(encoding="utf-8").replace("http-equiv", "")


def test_a_report_opens_in_the_viewer_of_artifacts(page: Page, children: pd.DataFrame) -> None:
    page.browser.get(
        page.browser.current_url.partition("?")[0].replace("/runs", f"/runs/{children['run_id'][0]}")
    )
    page.click("[role=tab], a", "Artifacts")
    page.click("[data-testid=artifact-tree-node]", "report")
    page.click("[data-testid=artifact-tree-node]", "report.html")
    frame = page.until(lambda: page.shown("iframe"), "the page in its frame")[0]
    page.browser.switch_to.frame(frame)
    page.sees("What was trained on what")
    loaded = "return [...document.images].every(image => image.naturalWidth > 0)"
    page.until(lambda: page.ask(loaded), "the pictures of the page")
    page.browser.switch_to.default_content()
    page.picture("report_in_viewer")


def open_experiment(page: Page) -> None:
    """The address leads to the runs, not to the traces of language models; MLflow's assistant is closed."""
    page.sees("matching runs")
    page.click("[data-component-id='mlflow.assistant.chat_panel.close']")
    page.until(lambda: rows(page) == [NAME], f"the parent run alone, found {rows(page)}")
    assert "Model registry" in page.text
    assert "AI Gateway" not in page.text
    page.picture("experiment")


def expand(page: Page, children: pd.DataFrame) -> None:
    page.click(f"{ROW} button[data-component-id*='runnamecellrenderer']")
    page.until(lambda: len(rows(page)) == 1 + len(children), "the children of the sweep")
    assert rows(page)[0] == NAME
    assert set(rows(page)[1:]) == set(children["name"])
    page.picture("expanded")


def sort_by_objective(page: Page, children: pd.DataFrame) -> None:
    page.click("[data-testid=sort-select-dropdown]")
    page.browser.switch_to.active_element.send_keys(OBJECTIVE)
    page.click(f"[data-testid='sort-select-{OBJECTIVE}']")
    page.until(lambda: f"Sort: {OBJECTIVE}" in page.text, "the order")
    best = dict(zip(children["name"], children[f"metrics.{OBJECTIVE}"], strict=True))

    def is_sorted() -> bool:
        values = [best[name] for name in rows(page) if name in best]
        return len(values) == len(best) and values == sorted(values, reverse=True)

    page.until(is_sorted, "the children from best to worst")
    page.picture("sorted")


def select(page: Page, names: list[str]) -> None:
    for name in names:
        row = next(row for row in page.shown(ROW) if row.find_element(By.TAG_NAME, "a").text == name)
        row.find_element(By.CSS_SELECTOR, "input[type=checkbox]").click()
    page.picture("selected")
    page.click("[data-testid=runs-compare-button]")


def look_at_parallel_coordinates(page: Page) -> None:
    page.sees("Comparing 2 Runs from 1 Experiment")
    page.until(lambda: page.shown("g.parcoords, .parcoords"), "the parallel coordinates")
    _, metrics = page.browser.find_elements(
        By.CSS_SELECTOR, "input[role=combobox]"
    )  # of parameters, of metrics
    metrics.send_keys(OBJECTIVE)
    metrics.send_keys(Keys.ENTER, Keys.ESCAPE)
    page.until(lambda: {"model", OBJECTIVE} <= axes(page), f"the axes model and {OBJECTIVE}")
    page.picture("parallel_coordinates")


def axes(page: Page) -> set[str]:
    return {title.text for title in page.browser.find_elements(By.CSS_SELECTOR, ".axis-title")}


def compare(page: Page, names: list[str]) -> None:
    assert "Run details" in page.text
    for name in names:
        assert name in page.text


def look_at_confusion_matrix(page: Page, run_id: str) -> None:
    page.click("a", run_id)
    page.click("[role=tab], a", "Artifacts")
    page.click("[data-testid=artifact-tree-node]", "figures")
    page.click("[data-testid=artifact-tree-node]", "confusion_matrix.png")
    see_image(page, "confusion_matrix.png")
    page.picture("confusion_matrix")


def see_image(page: Page, name: str) -> None:
    def is_loaded() -> bool:
        images = page.shown(f"img[alt$='{name}']")
        return bool(images) and int(images[0].get_property("naturalWidth")) > 0  # type: ignore[arg-type]

    page.until(is_loaded, f"the picture {name}")
