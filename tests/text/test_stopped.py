"""The built-in trainer asks after each evaluation whether it is to stop."""

import pytest

from gridfold.text import trainer


@pytest.mark.parametrize("freeze", [True, False], ids=["frozen", "fine-tuned"])
def test_a_run_that_is_told_to_stop_has_the_epochs_that_it_reached(config, new_run, freeze):
    config["model"]["freeze_encoder"] = freeze
    config["training"] |= {"num_epochs": 4, "lr_scheduler_type": "constant"}
    stopped, whole = new_run("stopped"), new_run("whole")
    stopped.told_to_stop_after = 2
    assert trainer.train(config, stopped)["epochs"] == 2
    trainer.train(config, whole)
    assert stopped.reports == whole.reports[:2]
    assert (stopped.dir / "classifier.json").exists()
