from bcdl.sweep import _kept

EARLIER = ["hydra/launcher=submitit_slurm", "hydra.launcher.partition=gpu", "sweep.name=s", "seed=1,2"]


def test_what_is_typed_anew_takes_the_place_of_what_was() -> None:
    assert _kept(["seed=1,2", "+model.x=1"], ["seed=3", "model.x=2"]) == []


def test_another_launcher_does_not_inherit_the_settings_of_the_earlier_one() -> None:
    assert _kept(EARLIER, ["hydra/launcher=local", "hydra.launcher.n_jobs=2"]) == ["seed=1,2"]
    assert _kept(EARLIER, ["sweep.retries=1"]) == [*EARLIER[:2], "seed=1,2"]
