"""The contract of engines, kept by one of a few lines."""

import pytest

from tests.engines.contract import EngineContract
from tests.engines.processes import Processes


class TestProcesses(EngineContract):
    name = "processes"

    @pytest.fixture
    def engine(self):
        return Processes({})
