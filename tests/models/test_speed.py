from collections.abc import Callable

from bcdl.models import Speed


def test_images_are_counted_without_missing_views(batches: Callable, build: Callable, fit: Callable) -> None:
    made = batches(views=2)
    trainer = fit(build(), made, callbacks=[Speed()])
    figures = trainer.callback_metrics
    images = float(figures["images_per_second"] * figures["epoch_seconds"])
    assert round(images) == sum(int(batch["view_mask"].sum()) for batch in made) == 3 * 6
