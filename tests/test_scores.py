import pytest

from bcdl.errors import UserError
from bcdl.scores import METRICS, better, lower_is_better, monitored_metric


def test_of_losses_alone_the_lowest_is_best() -> None:
    assert {name for name in METRICS if lower_is_better(name)} == {"loss", "brier"}
    assert lower_is_better("patient/brier")
    assert (better("val/loss"), better("val/auroc")) == ("min", "max")


@pytest.mark.parametrize("monitor", ["test/auroc", "best/val/auroc", "val/", "val/aurocc"])
def test_nothing_but_a_validation_metric_is_monitored(monitor: str) -> None:
    with pytest.raises(UserError, match="judged by its validation samples"):
        monitored_metric(monitor)
