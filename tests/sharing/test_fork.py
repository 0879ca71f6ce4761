"""Work that runs share is computed once, and each run is as if it had run alone."""

import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

import gridfold.executors.local.batching
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.local.executor import LocalExecutor
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run, write_config
from gridfold.runs.search import SearchDirectory
from tests.conftest import ROOT
from tests.executors.test_executors import LocalContract, Watched

TRAINERS = """
import asyncio, copy, multiprocessing, os, random, signal, socket, subprocess, sys, threading, time

random.random()


def note(text):
    with open("ledger", "a") as ledger:
        ledger.write(text + "\\n")


def shared(config, run):
    note("start")
    print("start")
    draws = [random.random()]
    run.report(epoch=0, common=len(config["common"]))
    run.note("a remark")
    lr = config["training"]["lr"]
    note(f"lr {lr}")
    print("lr", lr)
    draws.append(random.random() * lr)
    size = config["training"]["size"]
    note(f"size {size}")
    draws.append(random.random() * size)
    run.report(epoch=1, product=lr * size)
    return {"product": lr * size, "draws": sum(draws), "seed": run.seed}


def asks(config, run):
    for epoch in (1, 2, 3):
        note(f"epoch {epoch}")
        run.report(epoch=epoch, f1=epoch / 10)
        if run.should_stop():
            return


def nothing_differs(config):
    note("start")
    return random.random()


def reads_at_once(config):
    lr = config["training"]["lr"]
    note("start")
    return lr


def uses_its_directory(config, run):
    note("start")
    (run.dir / "file").write_text(str(run.index))
    return config["training"]["lr"]


def fails_before(config):
    note("start")
    raise ValueError(f"no {config['common']}")


def one_fails(config):
    if config["training"]["lr"] == 2:
        sys.exit("two")
    return 1


def one_dies(config):
    if config["training"]["lr"] == 2:
        os.abort()
    return 1


def has_a_thread(config):
    note("start")
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return config["training"]["lr"]


def changes_its_config(config):
    config["common"] = "changed"
    config["training"]["extra"] = config["training"]["lr"]
    return config["training"]["extra"] + len(config["common"])


def sleeps(config):
    time.sleep(1)
    lr = config["training"]["lr"]
    time.sleep(0.2)
    return lr


def counts(config, run):
    lr = config["training"]["lr"]
    note("begin")
    time.sleep(0.5)
    note("end")
    return lr


def naps(config):
    time.sleep(1)
    lr = config["training"]["lr"]
    time.sleep(1)
    return lr


def writes(config, run):
    random.seed(len(config["common"]))
    with open(f"file{random.randrange(10)}", "a") as file:
        file.write("line\\n")
    os.makedirs("made/here", exist_ok=True)
    return config["training"]["lr"]


def reads_a_file(config):
    open("trainers.py").read()
    with open(os.devnull, "w") as file:
        file.write("x")
    time.sleep(0.3)
    return config["training"]["lr"]


def is_read_by_a_child(config):
    queue = multiprocessing.SimpleQueue()
    child = multiprocessing.Process(target=lambda: queue.put(config["training"]["lr"]))
    child.start()
    child.join()
    return queue.get()


def is_read_by_a_child_later(config):
    size = config["training"]["size"]
    multiprocessing.Process(target=time.sleep, args=(60,), daemon=True).start()
    return is_read_by_a_child(config) * size


def has_a_manager(config):
    with multiprocessing.Manager() as manager:
        return len(manager.list([1])) * config["training"]["lr"]


def has_a_child_that_is_told_to_end(config):
    lr = config["training"]["lr"]
    receiver, sender = multiprocessing.Pipe()
    child = multiprocessing.Process(target=lambda: sender.send(1) or time.sleep(3000))
    child.start()
    receiver.recv()
    child.terminate()
    child.join()
    return child.exitcode * lr


def reads_on(config):
    with open("numbers") as numbers:
        total = int(numbers.readline())
        lr = config["training"]["lr"]
        return total + sum(map(int, numbers)) * lr


def has_a_timer(config):
    def ring(*_):
        raise TimeoutError("time is up")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 1)
    lr = config["training"]["lr"]
    try:
        time.sleep(5)
    except TimeoutError:
        return lr


def has_a_child(config):
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.exit(3)"])
    lr = config["training"]["lr"]
    return lr + child.wait()


def has_a_loop(config):
    async def main():
        lr = config["training"]["lr"]
        await asyncio.sleep(0.01)
        return lr

    return asyncio.run(main())


def silences(config):
    saved = os.dup(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    print("noise", flush=True)
    lr = config["training"]["lr"]
    print("noise", flush=True)
    os.dup2(saved, 1)
    print("said", lr, flush=True)
    return lr


def moves(config, run):
    os.chdir("/")
    lr = config["training"]["lr"]
    run.report(lr=lr)
    copy.deepcopy({"run": run})["run"].report(again=lr)
    return lr


def hangs(config):
    time.sleep(3000)


def has_shared_memory(config):
    value = multiprocessing.Value("d", 1.0)
    value.value += config["training"]["lr"]
    return value.value


def has_a_pipe(config):
    queue = multiprocessing.SimpleQueue()
    queue.put(4)
    return config["training"]["lr"] * queue.get()


def has_a_socket(config):
    one, other = socket.socketpair()
    one.send(b"4")
    other.setblocking(False)
    return config["training"]["lr"] * int(other.recv(1))


def has_an_event(config):
    number = os.eventfd(4, os.EFD_NONBLOCK)
    return config["training"]["lr"] * os.eventfd_read(number)


def falls_back(write, training):
    try:
        print(write(training))
    except Exception as error:
        print(type(error).__name__)
    return training["lr"]


def writes_by_orjson(config):
    import orjson

    return falls_back(orjson.dumps, config["training"])


def writes_by_pydantic(config):
    import pydantic

    return falls_back(pydantic.TypeAdapter(dict).dump_json, config["training"])


def writes_by_ruamel(config):
    from ruamel.yaml import YAML

    return falls_back(lambda training: YAML(typ="safe").dump(training, sys.stdout), config["training"])


def looks_up_methods_before_their_arguments(config):
    training = config["training"]
    training.update(more=training["size"])
    return training.get("none", training["lr"]) + training.pop("more", training["size"])


def lets_no_run_begin(config):
    os.setpgid = None
    return config["training"]["lr"]


def is_told_to_end_as_it_begins(config):
    begin = os.setpgid
    os.setpgid = lambda *numbers: (begin(*numbers), os.kill(os.getpid(), signal.SIGTERM))
    return config["training"]["lr"]
"""


class Project:
    def __init__(self, folder):
        self.folder = folder
        (folder / "trainers.py").write_text(TRAINERS)

    def attempts(self, trainer, lrs=(1, 2, 3), sizes=(4, 5), name="run", threads=1):
        index = 0
        for lr in lrs:
            for size in sizes:
                directory = self.folder / f"{name}{index}"
                directory.mkdir()
                write_config(str(directory), f"common: x\ntraining: {{lr: {lr}, size: {size}}}\n")
                record = Record(
                    f"{index}", index, "search", {}, f"trainers:{trainer}", seed=7, threads=threads, attempt=1
                )
                yield Attempt(Run(directory), record)
                index += 1

    def execute(self, trainer, *, share=True, parallel=2, name="run", interrupt=None, **options):
        values = {key: options.pop(key) for key in ("lrs", "sizes", "threads") if key in options}
        with LocalExecutor(parallel=parallel, share=share, **options) as executor:
            attempts = self.attempts(trainer, name=name, **values)
            ended = list(executor.execute(attempts, Watched(), interrupt or Interrupt()))
        return [record for _, record in sorted(ended, key=lambda pair: pair[1].index)]

    @property
    def ledger(self):
        return sorted((self.folder / "ledger").read_text().splitlines())


@pytest.fixture
def place(project):
    return Project(project)


class TestSharingExecutor(LocalContract):
    @pytest.fixture
    def executor(self, project, monkeypatch):
        monkeypatch.setattr(gridfold.executors.local.batching, "MOST_RUNS", 4)
        with LocalExecutor(parallel=3, share=True) as executor:
            yield executor


def observed(record, folder, name):
    """All that a run has left, but for times, numbers of processes and the sharing itself."""
    run = folder / f"{name}{record.index}"
    said = {
        key: value for key, value in vars(record).items() if key in ("state", "metrics", "notes", "seed", "threads")
    }
    return said, (run / "metrics.jsonl").read_text(), (run / "log.txt").read_text()


def test_what_runs_have_in_common_is_computed_once_and_each_is_as_if_alone(place):
    shared = place.execute("shared")
    assert place.ledger == ["lr 1", "lr 2", "lr 3", *["size 4"] * 3, *["size 5"] * 3, "start"]
    alone = place.execute("shared", share=False, name="alone")
    for one, other in zip(shared, alone, strict=True):
        assert observed(one, place.folder, "run") == observed(other, place.folder, "alone")
    assert [record.metrics["product"] for record in shared] == [4, 5, 8, 10, 12, 15]
    assert {record.sharing["label"] for record in shared} == {"bitwise"}
    assert len({record.pid for record in shared}) == 6


def test_runs_that_are_told_to_stop_leave_those_that_are_not(place):
    attempts = list(place.attempts("asks", lrs=(1, 2), sizes=(3, 4)))
    with LocalExecutor(parallel=2, share=True) as executor:
        for attempt in attempts[:3]:
            executor.stop(attempt)
        ended = [record for _, record in executor.execute(attempts, Watched(), Interrupt())]
    records = sorted(ended, key=lambda record: record.index)
    assert [record.state for record in records] == ["stopped"] * 3 + ["completed"]
    assert [record.metrics["f1"] for record in records] == [0.1, 0.1, 0.1, 0.3]
    assert [len(attempt.run.reports()) for attempt in attempts] == [1, 1, 1, 3]
    assert place.ledger == ["epoch 1", "epoch 2", "epoch 3"]


def test_a_record_says_what_was_shared(place):
    for record in place.execute("sleeps", lrs=(1, 2), sizes=(3,)):
        sharing = record.sharing
        assert sharing["label"] == "bitwise"
        assert 1 <= sharing["shared_seconds"] < 1.9
        assert sharing["own_seconds"] == record.seconds
        assert 0.2 <= record.seconds < 1
        assert sharing["shared_cpu_seconds"] + sharing["own_cpu_seconds"] < 0.3
    alone = place.execute("sleeps", share=False, lrs=(1,), sizes=(3,), name="alone")[0].sharing
    assert (alone["label"], alone["shared_seconds"], "node" in alone) == ("own", 0, False)
    assert 1.2 <= alone["own_seconds"] < 2.2


def test_the_searchs_directory_says_where_it_split(place):
    (place.folder / "search").mkdir()
    records = place.execute("shared")
    started, *splits = SearchDirectory(place.folder / "search").sharing_events()
    assert started["runs"] == 6
    assert started["imports"]["cpu_seconds"] > 0
    place_of = {"training.lr": "lr = config", "training.size": "size = config"}
    lines = TRAINERS.splitlines()
    for split in splits:
        file, line = split["place"].split(":")
        assert file == "trainers.py"
        assert place_of[split["path"]] in lines[int(line) - 1]
    trunk, *below = splits
    assert (trunk["split"], trunk["path"], trunk["sizes"]) == (started["batch"], "training.lr", [2, 2, 2])
    assert {split["split"] for split in below} == {f"{started['batch']}.{branch}" for branch in range(3)}
    assert [record.sharing["node"].removeprefix(started["batch"]) for record in records] == [
        ".0.0", ".0.1", ".1.0", ".1.1", ".2.0", ".2.1",
    ]  # fmt: skip


def test_runs_of_different_seeds_do_not_begin_in_one_process(place):
    def execute(name, share):
        attempts = list(place.attempts("shared", sizes=(4,), name=name))
        seeded = [Attempt(each.run, replace(each.record, seed=index // 2)) for index, each in enumerate(attempts)]
        with LocalExecutor(parallel=2, share=share) as executor:
            ended = [record for _, record in executor.execute(seeded, Watched(), Interrupt())]
        return [record.metrics for record in sorted(ended, key=lambda record: record.index)]

    shared = execute("run", True)
    assert place.ledger.count("start") == 2
    assert shared == execute("alone", False)
    assert len({metrics["seed"] for metrics in shared}) == 2


@pytest.mark.parametrize(
    ("trainer", "options", "event"),
    [
        ("has_a_thread", {}, {"left", "runs", "reason", "seconds", "cpu_seconds"}),
        ("shared", {"threads": 2}, {"alone"}),
    ],
)
def test_the_searchs_directory_says_why_runs_ran_alone(place, trainer, options, event, snapshot):
    (place.folder / "search").mkdir()
    assert {record.sharing["label"] for record in place.execute(trainer, **options)} == {"own"}
    last = list(SearchDirectory(place.folder / "search").sharing_events())[-1]
    assert last.keys() == event
    assert (last.get("reason") or last["alone"]) == snapshot


def test_a_function_that_writes_a_file_does_so_once_for_each_run(place):
    (place.folder / "search").mkdir()
    records = place.execute("writes", share=None, sizes=(4,))
    assert [record.metrics["result"] for record in records] == [1, 2, 3]
    (file,) = place.folder.glob("file?")
    assert file.read_text() == "line\n" * 3
    _, split = SearchDirectory(place.folder / "search").sharing_events()
    assert split["path"] == f"writing {file.name}"
    line = int(split["place"].removeprefix("trainers.py:"))
    assert "open(" in TRAINERS.splitlines()[line - 1]


def test_a_function_that_only_reads_files_is_shared(place):
    for record in place.execute("reads_a_file", share=None, sizes=(4,)):
        assert record.sharing["shared_seconds"] > 0.25
        assert record.sharing["own_seconds"] < 0.25


@pytest.mark.parametrize(
    "trainer",
    [
        *("reads_on", "has_a_timer", "has_a_child", "has_a_loop", "silences", "moves"),
        *("has_shared_memory", "has_a_pipe", "has_a_socket", "has_an_event"),
    ],
)
def test_what_processes_would_share_is_each_ones_own(trainer, place):
    (place.folder / "numbers").write_text("".join(f"{number}\n" for number in range(20_000)))
    assert_as_alone(trainer, place)


@pytest.mark.parametrize("library", ["orjson", "pydantic", "ruamel"])
def test_code_that_catches_what_a_library_says_of_the_config_does_what_it_does_alone(library, place):
    pytest.importorskip(library)
    assert_as_alone(f"writes_by_{library}", place)


def assert_as_alone(trainer, place):
    """Runs that share say and measure what they do alone."""
    shared = place.execute(trainer, share=None, sizes=(4,))
    alone = place.execute(trainer, share=False, sizes=(4,), name="alone")
    assert [record.state for record in shared] == ["completed"] * 3, shared[0].error
    for one, other in zip(shared, alone, strict=True):
        assert one.metrics == other.metrics
        for name in ("log.txt", "metrics.jsonl"):
            texts = [place.folder / f"{kind}{one.index}" / name for kind in ("run", "alone")]
            assert [path.exists() and path.read_text() for path in texts[:1]] == [
                path.exists() and path.read_text() for path in texts[1:]
            ]


def test_where_there_is_no_safe_fork_it_says_so():
    code = """
import sys, types
from gridfold.sharing.fork import why_not
print(why_not())
sys.modules["torch"] = types.SimpleNamespace(cuda=types.SimpleNamespace(is_initialized=lambda: True))
print(why_not())
sys.platform = "darwin"
print(why_not())
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["", "CUDA is initialised", "no safe fork on darwin"]


def test_where_nothing_differs_all_is_done_once(place):
    assert {tuple(record.metrics.items()) for record in place.execute("nothing_differs")} == {
        (("result", 0.32383276483316237),)
    }
    assert place.ledger == ["start"]


def test_where_all_differs_from_the_beginning_nothing_is_shared(place):
    assert [record.metrics["result"] for record in place.execute("reads_at_once", sizes=(4,))] == [1, 2, 3]
    assert place.ledger == ["start"] * 3


def test_to_ask_for_the_directory_splits(place):
    place.execute("uses_its_directory")
    assert place.ledger == ["start"]
    assert [(place.folder / f"run{index}" / "file").read_text() for index in range(6)] == list("012345")


def test_a_failure_of_the_shared_part_is_every_runs_own(place):
    records = place.execute("fails_before")
    assert {(record.state, record.error["message"]) for record in records} == {("failed", "no x")}
    assert place.ledger == ["start"] * 7  # each was tried alone, to be sure


@pytest.mark.parametrize(("trainer", "kind"), [("one_fails", "SystemExit"), ("one_dies", "Crashed")])
def test_a_failure_of_one_is_its_own(place, trainer, kind):
    records = place.execute(trainer, sizes=(4,))
    assert [record.state for record in records] == ["completed", "failed", "completed"]
    assert records[1].error["type"] == kind


def test_arguments_may_split_after_their_method_was_looked_up(place):
    records = place.execute("looks_up_methods_before_their_arguments")
    assert [record.metrics["result"] for record in records] == [5, 6, 6, 7, 7, 8]
    assert {record.sharing["label"] for record in records} == {"bitwise"}


def test_where_the_process_of_a_run_cannot_begin_it_is_run_alone(place):
    records = place.execute("lets_no_run_begin", sizes=(4,))
    assert [record.metrics["result"] for record in records] == [1, 2, 3]


def test_a_run_that_is_told_to_end_as_its_process_begins_is_interrupted(place):
    records = place.execute("is_told_to_end_as_it_begins", sizes=(4,))
    assert [(record.state, record.error) for record in records] == [("interrupted", None)] * 3


def test_where_a_thread_is_alive_each_run_runs_alone(place):
    records = place.execute("has_a_thread", sizes=(4,))
    assert [record.metrics["result"] for record in records] == [1, 2, 3]
    assert place.ledger == ["start"] * 4


@pytest.mark.parametrize(
    ("trainer", "results"),
    [
        ("is_read_by_a_child", [1, 1, 2, 2]),
        ("is_read_by_a_child_later", [4, 5, 8, 10]),
        ("has_a_manager", [1, 1, 2, 2]),
        ("has_a_child_that_is_told_to_end", [-15, -15, -30, -30]),
    ],
)
@pytest.mark.parametrize("share", [None, False])
def test_a_process_that_the_function_forks_is_not_a_run(place, trainer, results, share):
    records = place.execute(trainer, lrs=(1, 2), share=share)
    assert [record.metrics.get("result") for record in records] == results, records
    assert not any((place.folder / f"run{index}" / "log.txt").read_text() for index in range(4))


def test_a_run_may_change_its_config(place):
    assert [record.metrics["result"] for record in place.execute("changes_its_config", sizes=(4,))] == [8, 9, 10]


def test_as_many_work_at_a_time_as_may(place):
    place.execute("counts", lrs=range(8), sizes=(1,), parallel=4)
    steps = [1 if line == "begin" else -1 for line in (place.folder / "ledger").read_text().splitlines()]
    assert len(steps) == 16
    assert max(itertools.accumulate(steps)) == 4


def test_a_shared_part_that_hangs_times_out_in_each_run(place):
    records = place.execute("hangs", lrs=(1, 2), sizes=(1,), timeout=0.4, grace=0.2)
    assert {record.error["type"] for record in records} == {"Timeout"}


def test_no_run_begins_when_the_search_holds(place):
    ended = []
    interrupt = Interrupt(lambda: bool(ended))
    with LocalExecutor(parallel=1, share=True) as executor:
        for _, record in executor.execute(place.attempts("reads_at_once"), Watched(), interrupt):
            ended.append(record)
    assert len(ended) == 1


@pytest.mark.parametrize("victims", ["a branch that waits", "the trunk"])
def test_when_a_process_that_waits_is_killed_the_rest_is_run_alone(place, victims):
    class Killing(Watched):
        def running(self, run):
            if not self.seen:
                trunk = executor._server._pids[executor._batch.key]
                children = Path(f"/proc/{trunk}/task/{trunk}/children").read_text().split()
                os.kill(int(children[0]) if victims != "the trunk" else trunk, 9)
            super().running(run)

    with LocalExecutor(parallel=2, share=True) as executor:
        ended = list(executor.execute(place.attempts("naps"), Killing(), Interrupt()))
    states = [record.state for _, record in ended]
    assert len(ended) == 6
    assert states.count("completed") >= 4


def test_the_command_line(command, write, project):
    Project(project)
    config = write(
        "c.yaml", "gridfold: {trainer: 'trainers:shared'}\ncommon: x\ntraining: {lr: [1, 2], size: [4, 5]}\n"
    )
    assert command("hyper_main.py", "--config", config, "--share", "--metric", "product").returncode == 0
    ledger = (project / "ledger").read_text()
    assert ledger.count("start") == 1
    alone = ("--no-share", "--run-prefix", "alone", "--metric", "product")
    assert command("hyper_main.py", "--config", config, *alone).returncode == 0
    assert (project / "ledger").read_text().count("start") == 1 + 4
    metrics = {}
    for path in project.glob("runs/*/run.json"):
        name = re.sub(r"^(run|alone)_\d+", "", path.parent.name)
        metrics.setdefault(name, []).append(json.loads(path.read_text())["metrics"])
    assert len(metrics) == 4
    assert all(one == other for one, other in metrics.values())


def test_processes_that_are_spawned_in_the_shared_part_keep_their_pipes(command, write, project):
    write("work.py", "def double(x):\n    return 2 * x\n")
    code = """
        import multiprocessing
        from work import double
        def train(config):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                (found,) = pool.map(double, [2.5])
            return {"acc": found + config["lr"]}
    """
    write("spawns.py", textwrap.dedent(code))
    config = write("c.yaml", "gridfold: {trainer: 'spawns:train'}\nlr: [1, 2]\n")
    assert command("hyper_main.py", "--config", config).returncode == 0
    records = [json.loads(path.read_text()) for path in sorted(project.glob("runs/*/run.json"))]
    assert [record["metrics"] for record in records] == [{"acc": 6.0}, {"acc": 7.0}]
