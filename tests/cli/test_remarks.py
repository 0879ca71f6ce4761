"""What a trainer has to say of a search before its first run."""

import pytest

import gridfold as public
from gridfold.trainers.protocol import Remark

TRAINER = """\
from gridfold.trainers.protocol import Remark

class Trainer:
    def check(self, config):
        pass

    def remarks(self, config):
        yield Remark("learns [much]")
        yield Remark(f"learning rate {config['lr']}", is_warning=config["lr"] > 8)

    def train(self, config, run):
        return {"loss": config["lr"]}

trainer = Trainer()
"""


@pytest.fixture
def config(write):
    write("toy.py", TRAINER)
    return write("c.yaml", "lr: [1, 9]\ngridfold: {trainer: 'toy:trainer'}\n")


def lines(said):
    return [line for line in said.splitlines() if "learn" in line and "parameter" not in line and "/" not in line]


@pytest.mark.parametrize("words", [["plan"], ["search", "--run-prefix", "s"]])
def test_it_is_said_once_and_before_the_runs(config, gridfold, words):
    code, said = gridfold(*words, "--config", config)
    assert code == 0
    assert lines(said) == ["learns [much]", "learning rate 1", "warning: learning rate 9"]


def test_a_quiet_search_says_warnings_only(config, gridfold):
    code, said = gridfold("search", "--quiet", "--config", config)
    assert code == 0
    assert lines(said) == ["warning: learning rate 9"]


def test_there_may_be_much_to_say(write, gridfold):
    write("toy.py", TRAINER)
    config = write("c.yaml", f"lr: {[each / 10 for each in range(30)]}\ngridfold: {{trainer: 'toy:trainer'}}\n")
    _, said = gridfold("plan", "--config", config)
    assert len(lines(said)) == 20
    assert "… and 11 more remarks of the trainer" in said


def test_in_python(config, capsys, project):
    public.search("toy:trainer", config, name="s")
    assert lines(capsys.readouterr().err) == ["learns [much]", "learning rate 1", "warning: learning rate 9"]
    assert Remark("a") == Remark("a", is_warning=False)
