"""The built-in trainer keeps the contract of trainers, both ways of training."""

import pytest

from gridfold.text import trainer
from tests.text.conftest import base_config
from tests.trainers.test_trainer import TrainerContract


class TestTextTrainer(TrainerContract):
    @pytest.fixture
    def trainer(self):
        return trainer

    @pytest.fixture(params=[False, True], ids=["whole", "frozen"])
    def config(self, request, tiny_model, csv_file):
        config = base_config(tiny_model, csv_file)
        config["model"]["freeze_encoder"] = request.param
        config["training"]["num_epochs"] = 1
        return config
