from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bcdl.cli import main
from bcdl.configs import compose, group_choices
from bcdl.verbs import HYDRA_VERBS


def test_help_shows_examples_groups_choices_and_keys(
    tiny_conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "model=cnn_rnn", "--help"]) == 0
    page = capsys.readouterr().out
    assert "bcdl train -m model=" in page
    assert "  model        cnn *cnn_rnn\n" in page
    assert "  experiments  study/first\n" in page
    assert "trainer.max_epochs=3 " in page
    assert "--config-dir" in page


@pytest.mark.parametrize("verb", HYDRA_VERBS)
def test_every_key_on_a_help_page_is_in_the_configuration(verb: str) -> None:
    cfg, groups = compose(verb, []), group_choices()
    for key, _ in HYDRA_VERBS[verb].keys:
        parent, _, name = key.rpartition(".")
        assert name in [*groups, *(OmegaConf.select(cfg, parent) if parent else cfg)], key
