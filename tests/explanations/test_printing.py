import pandas as pd
from rich.console import Console

from bcdl.explanations import printed

CHECK = {"randomisation": 0.05, "randomisation_cutoff": 0.5, "passes": True}
ROW = {
    "method": "integrated_gradients",
    **{"hit_rate": 0.9, "hit_rate_low": 0.8, "hit_rate_high": 0.95, "hit_rate_chance": 0.04},
    **{"p_value": 1e-9, "energy": 0.4, "energy_chance": 0.03, "froc": 0.7},
    **{"deletion": 0.3, "deletion_chance": 0.5, "insertion": 0.6, "insertion_chance": 0.2},
    **{"views": 10, "lesions": 12, "samples": 8},
}


def shown(*rows: dict[str, object]) -> list[str]:
    console = Console(width=80, record=True)
    console.print(printed(pd.DataFrame(rows)))
    return console.export_text().splitlines()


def test_a_terminal_of_80_columns_holds_every_score_and_chance_beside_it() -> None:
    lines = shown(ROW | CHECK, ROW | {"method": "brightness"})
    assert lines[1] == "integrated_gradients 0.90 (0.80-0.95)   0.40 0.70     0.30      0.60  0.05 pass "
    assert lines[2].split()[-1] == "0.60"  # a control is not checked
    assert lines[3].split() == ["by", "chance", "0.04", "0.03", "0.50", "0.20"]
    assert lines[4].strip() == "12 lesions in 10 views of 8 samples"
    assert "…" not in "".join(lines)


def test_without_lesions_there_is_the_check_alone() -> None:
    assert shown({"method": "grad_cam", **CHECK, "passes": False})[1].split() == ["grad_cam", "0.05", "fail"]
