"""A parameter that no run reads is told of, and only such a one."""

import pytest

TRAINERS = """
import copy, json, os, subprocess, sys
import gridfold


def returns(config):
    return config["m"]["lr"]


def writes(config, run):
    (run.dir / "a").write_text("x")
    return returns(config)


def reads_last(config, run):
    return writes(config, run) + config["m"].get("bs")


def reads_a_copy(config, run):
    return writes(config, run) + copy.deepcopy(config)["m"]["bs"]


def unpacks(config, run):
    return writes(config, run) + len(dict(**config["m"]))


def prints(config, run):
    print(config)
    return returns(config)


def saves(config, run):
    (run.dir / "a").write_text(json.dumps(config))
    return returns(config)


def reads_in_some(config, run):
    return writes(config, run) + (config["m"]["bs"] if config["m"]["lr"] > 0.1 else 0)


def merges(config, run):
    writes(config, run)
    flat = {} | config["m"]
    return flat["lr"] + flat["bs"]


def asks(config):
    return gridfold.ask(config["m"], "bs", lambda value: value > 0) + returns(config)


def omegaconf(config, run):
    from omegaconf import OmegaConf

    return writes(OmegaConf.create(config), run)


def reads_the_file(config, run):
    return writes(config, run) + len((run.dir / "config.yaml").read_text())


def starts_a_program(config, run):
    writes(config, run)
    subprocess.run([sys.executable, "-c", ""], check=True)
    return 1


def forks(config, run):
    writes(config, run)
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    return 1


def fails(config, run):
    writes(config, run)
    raise ValueError("before it has read all")
"""
GRID = "m: {lr: [0.1, 0.2], bs: [16, 32]}\n"
SAID = "m.bs was never read: its values make no difference; leave it out, or let the trainer read it\n"


@pytest.fixture
def search(command, write):
    """What a search with a trainer, and then ``gridfold sharing``, say of reads."""
    write("trainers.py", TRAINERS)

    def run(trainer, *arguments, text=GRID):
        options = ["--config", write("c.yaml", text), "--trainer", f"trainers:{trainer}", *arguments]
        found = [command("gridfold/__main__.py", *words).stdout for words in (["search", *options], ["sharing"])]
        told = [[line for line in said.splitlines(keepends=True) if "never read" in line] for said in found]
        assert told[0] == told[1]
        return told[0]

    return run


@pytest.mark.parametrize("trainer", ["returns", "writes"])
def test_one_that_nobody_reads(search, trainer):
    assert search(trainer) == [SAID]


def test_several_and_one_in_a_list(search):
    text = "m: {lr: [1, 2], bs: [16, 32]}\nlayers: [{size: [8, 16]}]\nseed: 1\n"
    (said,) = search("writes", text=text)
    assert said.startswith("m.bs and layers.0.size were never read: their values make no difference; leave them out")


@pytest.mark.parametrize(
    "trainer",
    [
        *("reads_last", "reads_a_copy", "unpacks", "prints", "saves", "reads_in_some", "merges", "asks", "omegaconf"),
        *("reads_the_file", "starts_a_program", "forks", "fails"),
    ],
)
def test_one_that_may_have_been_read(search, trainer):
    assert search(trainer) == []


def test_runs_that_share_nothing(search):
    assert search("returns", "--no-share") == []


def test_an_alias_is_read_by_its_other_name(search):
    assert search("writes", text="m: {lr: &a [0.1, 0.2]}\nother: *a\n") == []
