"""A command as a trainer: what reaches the program, what is read of it, how it fails."""

import json
import math
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.runs.run import Run
from gridfold.trainers.command import CommandFailed, CommandTrainer
from gridfold.trainers.metrics.printed import MetricsUnreadable
from tests.conftest import ROOT
from tests.trainers.test_trainer import TrainerContract

CONFIG = {
    "training": {"learning_rate": 1e-5, "batch_size": 16, "amp": True, "resume": None},
    "model": {"name": "a b", "architecture": [{"type": "linear"}, {"type": "dropout", "p": 0.1}]},
    "seed": 3,
    "config": {"inner": 1},
}


def python(code, *arguments):
    return CommandTrainer((sys.executable, "-c", textwrap.dedent(code), *arguments))


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, seed=7)


WRITE_ARGUMENTS = "import json, sys; open(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))"


@pytest.fixture
def arrived(run):
    """What a program's arguments were, given the command's."""

    def execute(*arguments, config=CONFIG):
        python(WRITE_ARGUMENTS, "{run_dir}/arrived", *arguments).train(config, run)
        return json.loads((run.dir / "arrived").read_text())

    return execute


class TestCommand(TrainerContract):
    @pytest.fixture
    def trainer(self):
        return python("import sys; print('{\"loss\": ' + sys.argv[1] + '}')", "{a}")

    @pytest.fixture
    def config(self):
        return {"a": 3}


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("{training.learning_rate}", "1.0e-05"),
        ("--bs={training.batch_size}/{training.batch_size}", "--bs=16/16"),
        ("{training.amp}", "true"),
        ("{training.resume}", "null"),
        ("{model.name}", "a b"),
        ("{model.architecture.1.p}", "0.1"),
        ("{model.architecture}", '[{"type": "linear"}, {"type": "dropout", "p": 0.1}]'),
        ("{training}", '{"learning_rate": 1.0e-05, "batch_size": 16, "amp": true, "resume": null}'),
        ("{seed}", "3"),
        ("{index}", "0"),
        ("{config.inner}", "1"),
        ("{print $1}", "{print $1}"),
        ('{"a": 1} {} {a,b} { seed }', '{"a": 1} {} {a,b} { seed }'),
        ('{"lr": {training.learning_rate}}', '{"lr": 1.0e-05}'),
        ("{{seed}}", "{seed}"),
        ("{{{seed}}}", "{{seed}}"),
        ("{{no.such}}", "{no.such}"),
        ("", ""),
    ],
)
def test_placeholders(arrived, argument, expected):
    python("", argument).check(CONFIG)
    assert arrived(argument) == [expected]


def test_lists_and_mappings_are_json_and_yaml(arrived):
    value = {"a": [1e-7, "no", "é\n", None, True, {"1": []}], "b c": "{seed}"}
    (text,) = arrived("{x}", config={"x": value})
    assert json.loads(text) == value
    assert yaml.safe_load(text) == value


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 0.1, 1e-300, -0.0, 2.0])
def test_programs_read_every_float(arrived, value):
    assert repr(float(arrived("{x}", config={"x": value})[0])) == repr(value)


def test_keys_with_dots_and_numbers(arrived):
    config = {"a": {"b": 0}, "a.b": {"c": 1}, 3: {"x-y": 2}, "ü": 4}
    assert arrived("{a.b.c}", "{3.x-y}", "{ü}", config=config) == ["1", "2", "4"]


def test_paths_are_absolute(project):
    (project / "run0").mkdir()
    run = Run("run0")
    code = "import json, os, sys; print(json.dumps([*sys.argv[1:], os.environ['GRIDFOLD_CONFIG'], os.getcwd()]))"
    python(code, "{run_dir}", "{config}").train({}, run)
    folder = str(project / "run0")
    config = f"{folder}/config.yaml"
    assert json.loads(run.log_path.read_text()) == [folder, config, config, str(project)]


def test_what_the_environment_tells(run, monkeypatch):
    monkeypatch.delenv("GRIDFOLD_REPORT")  # of the tests
    python("import os; print(*('='.join(item) for item in os.environ.items() if item[0][:9] == 'GRIDFOLD_'))").train(
        {}, run
    )
    told = dict(word.split("=") for word in run.log_path.read_text().split())
    assert told == {
        "GRIDFOLD_RUN_DIR": str(run.dir),
        "GRIDFOLD_CONFIG": str(run.config_path),
        "GRIDFOLD_INDEX": "0",
        "GRIDFOLD_SEED": "7",
    }


HOSTILE = [
    "$(rm -rf /)",
    "; ls",
    "`id`",
    "a\nb",
    "\"'\\",
    "*",
    "~",
    "-rf",
    "",
    " ",
    "{seed}",
    "{{seed}}",
    "\\{run_dir}",
]
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.sampled_from(HOSTILE)


@settings(max_examples=10)  # each example starts a program, so each has many values
@given(st.lists(TEXT, min_size=15, max_size=60))
def test_hostile_values_arrive_as_they_are(tmp_path_factory, values):
    run = Run(tmp_path_factory.mktemp("run"))
    config = {"values": [*values, *HOSTILE]}
    paths = (f"{{values.{position}}}" for position in range(len(config["values"])))
    trainer = python(WRITE_ARGUMENTS, "{run_dir}/arrived", *paths)
    trainer.check(config)
    trainer.train(config, run)
    assert json.loads((run.dir / "arrived").read_text()) == config["values"]


def refused(arguments, config=CONFIG):
    with pytest.raises(ConfigError) as error:
        CommandTrainer(arguments).check(config)
    return str(error.value)


@pytest.mark.parametrize(
    ("argument", "near"),
    [
        ("{training.learning_rte}", "training.learning_rate"),
        ("{batch_size}", "training.batch_size"),
        ("{training.size}", "training.batch_size"),
        ("{rundir}", "run_dir"),
        ("{model.architecture.2.p}", "model.architecture.1.p"),
    ],
)
def test_an_unknown_placeholder(argument, near):
    name = argument[1:-1]
    assert refused((sys.executable, argument)) == (
        f"gridfold.trainer: the config has no '{name}', which the command takes from it\n"
        f"  did you mean '{near}'?\n"
        f"  to pass {argument} as it stands, write {{{argument}}}"
    )
    python("", f"{{{argument}}}").check(CONFIG)


def test_what_cannot_be_passed_to_a_program():
    assert refused((sys.executable, "{a.b}"), {"a": {"b": "x\0y"}}).startswith("a.b: holds a NUL character")
    assert refused((sys.executable, "x\0y")).startswith("gridfold.trainer: holds a NUL character")
    assert "encoding" in refused((sys.executable, "{a}"), {"a": "\ud800"})
    python("", "{a}").check({"a": ["x\0y"]})  # escaped, as JSON has it


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("python trian.py", "no such script: 'trian.py'\n  did you mean 'train.py'?"),
        ("python -u -X dev -W error nofile.py --lr 1", "no such script: 'nofile.py'"),
        ("python {folder}/train.py", "no such script: 'nowhere/train.py'"),
        ("python package", "a folder, not a script: 'package'"),
        ("python -m nomodule", "no module 'nomodule'"),
        ("python -m package.nothing --lr 1", "no module 'package.nothing'"),
        ("python -m package", "the package 'package' has no __main__"),
        ("python -I -m package.inside", "no module 'package'"),
        ("sh nofile.sh 1", "no such script: 'nofile.sh'"),
        ("env A=1 python nofile.py", "no such script: 'nofile.py'"),
    ],
)
def test_scripts_that_are_not_there(project, write, monkeypatch, arguments, problem):
    write("train.py", "")
    write("package/__init__.py", "raise SystemExit('imported')")
    write("package/inside.py", "")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert refused(tuple(arguments.split()), {"folder": "nowhere"}).startswith(f"gridfold.trainer: {problem}")


@pytest.mark.parametrize(
    "arguments",
    [
        "train.py",
        "-m package.inside",
        "-m json.tool",
        "-m timeit",
        "-c 1 nofile.py",
        "-",
        "{config}",
        "{run_dir}/x.py",
        "-V",
    ],
)
def test_scripts_that_are_there(project, write, arguments):
    write("train.py", "")
    write("package/__init__.py", "raise SystemExit('imported')")
    write("package/inside.py", "")
    CommandTrainer((sys.executable, *arguments.split())).check({})


def test_programs_that_are_not_there(project, monkeypatch):
    (project / "train.py").write_text("")
    (project / "train.sh").write_text("#!/bin/sh\n")
    (project / "ready.sh").write_text("#!/bin/sh\n")
    (project / "ready.sh").chmod(0o755)
    monkeypatch.setenv("PATH", str(project / "bin"))
    (project / "bin").mkdir()
    (project / "bin" / "python").symlink_to(sys.executable)
    where = "gridfold.trainer: "
    assert refused(("pyhton",)) == f"{where}no such program: 'pyhton'\n  did you mean 'python'?"
    assert refused(("xxxxxxxx",)) == f"{where}no such program: 'xxxxxxxx'"
    assert refused(("./trian.sh",)) == f"{where}no such program: './trian.sh'\n  did you mean 'train.sh'?"
    assert refused(("train.py",)) == f"{where}not a program: 'train.py'\n  write: python train.py"
    assert refused(("./train.sh",)) == f"{where}not executable: './train.sh'\n  make it so: chmod +x ./train.sh"
    assert (
        refused(("ready.sh",)) == f"{where}no such program: 'ready.sh'\n  write ./ready.sh for the file in this folder"
    )
    assert refused(("./bin",)) == f"{where}a folder, not a program: './bin'"
    assert refused(("{program}",), {"program": "pyhton"}).startswith(f"{where}no such program: 'pyhton'")
    CommandTrainer(("./ready.sh",)).check({})
    CommandTrainer(("python",)).check({})
    CommandTrainer(("{run_dir}/made_later",)).check({})


def test_a_command_without_a_program():
    assert refused(()) == "gridfold.trainer: a command without a program\n  such as [python, train.py]"


# Metrics


def trained(run, files, printed=""):
    """The metrics of a command that writes these files and prints this."""
    code = """
        import os, sys
        for name, text in eval(sys.argv[1]).items():
            with open(os.path.join(sys.argv[2], name), "ab") as file:
                file.write(text)
        sys.stdout.buffer.write(eval(sys.argv[3]))
    """
    files = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    printed = printed.encode() if isinstance(printed, str) else printed
    return python(code, repr(files), "{run_dir}", repr(printed)).train({}, run)


OBJECT = '{"val_f1": 0.9, "epochs": 3, "name": "x", "best": true, "curve": [1], "val": {"loss": 0.1, "by": {"a": 1}}}'
NUMBERS = {"val_f1": 0.9, "epochs": 3, "val.loss": 0.1, "val.by.a": 1}


@pytest.mark.parametrize(
    ("files", "printed"),
    [
        ({"metrics.json": OBJECT, "metrics.jsonl": '{"a": 1}\n'}, '{"b": 1}\n'),
        ({"metrics.json": json.dumps(json.loads(OBJECT), indent=2).encode("utf-8-sig")}, ""),
        ({"metrics.jsonl": '{"epochs": 1}\n' + OBJECT + "\n"}, '{"b": 1}\n'),
        ({"metrics.jsonl": OBJECT + '\n{"val_f1": 0.9'}, ""),
        ({}, f"epoch 1\n{OBJECT}\nsaved\n"),
        ({}, '{"b": 1}\n' + OBJECT),
        ({}, f'10%|#\r20%|##\r\n{OBJECT}\n{{"torn": \n[1]\n3\n'),
        ({}, OBJECT + '\n{"event": "done"}\n'),
        ({}, b"\xff\xfe\x00\n" + OBJECT.encode() + b"\n\x80\x81"),
    ],
)
def test_where_metrics_come_from(run, files, printed):
    metrics = trained(run, files, printed)
    assert metrics == NUMBERS
    assert next(iter(metrics)) == "val_f1"


@pytest.mark.parametrize("printed", ["", "done\n", "[1]\n3\n", '{"name": "x"}\n', '{"torn": 1\n'])
def test_a_command_without_metrics(run, printed):
    assert trained(run, {}, printed) == {}


def test_numbers_that_are_none(run):
    metrics = trained(run, {}, '{"a": NaN, "b": Infinity, "c": -Infinity}')
    assert math.isnan(metrics["a"])
    assert (metrics["b"], metrics["c"]) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"val_f1": 0.',
        "[1]",
        "0.9",
        b"\x00\xff\xfe\x9c",
        "[" * 100_000,
        '{"a": 1' + "0" * 400 + "}",
        '{"\\ud800": 1}',
    ],
    ids=["empty", "torn", "list", "number", "binary", "deep", "huge", "surrogate"],
)
def test_metrics_that_cannot_be_read(run, content):
    with pytest.raises(MetricsUnreadable, match=r"metrics\.json: "):
        trained(run, {"metrics.json": content}, '{"a": 1}\n')


def test_the_last_value_of_each_reported_metric_counts(run):
    lines = '{"loss": 3}\n{"val_acc": 0.5, "loss": 2}\n{"loss": 1}\n{}\n'
    assert list(trained(run, {"metrics.jsonl": lines}).items()) == [("loss", 1), ("val_acc", 0.5)]


def test_reported_metrics_that_cannot_be_read(run):
    with pytest.raises(MetricsUnreadable, match=r"metrics\.jsonl: no line is a JSON object; the last is 'epoch 2'"):
        trained(run, {"metrics.jsonl": "epoch 1\nepoch 2\n"}, '{"a": 1}\n')


def test_a_folder_of_that_name(run):
    with pytest.raises(MetricsUnreadable, match="not a file"):
        python("import os; os.mkdir(os.environ['GRIDFOLD_RUN_DIR'] + '/metrics.json')").train({}, run)


def test_a_file_of_metrics_that_is_none_is_not_read(run):
    with pytest.raises(MetricsUnreadable, match="bytes are more than metrics take"):
        python("open('{metrics}', 'wb').truncate(1 << 40)").train({"metrics": f"{run.dir}/metrics.json"}, run)


def test_metrics_of_an_earlier_attempt_are_not_taken(run):
    assert trained(run, {"metrics.json": '{"a": 1}'}) == {"a": 1}
    assert trained(run, {}) == {}
    assert trained(run, {"metrics.jsonl": '{"b": 2}\n'}) == {"b": 2}
    assert trained(run, {}) == {}
    assert trained(run, {}, '{"c": 3}\n') == {"c": 3}
    assert trained(run, {}) == {}
    assert trained(run, {"metrics.jsonl": '{"d": 4}\n'}) == {"d": 4}
    assert (run.dir / "metrics.jsonl").read_text() == '{"b": 2}\n{"d": 4}\n'


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_file_written_anew(run, count):
    (run.dir / "metrics.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    code = "import sys; open(sys.argv[1], 'w').write('{\"b\": 5}\\n' * int(sys.argv[2]))"
    assert python(code, "{run_dir}/metrics.jsonl", str(count)).train({}, run) == {"b": 5}


# Output


def test_all_output_goes_to_the_log(run):
    run.log_path.write_text("before\n")
    python("import sys; print('out', flush=True); print('err', file=sys.stderr); print(sys.stdin.read())").train(
        {}, run
    )
    assert run.log_path.read_text() == "before\nout\nerr\n\n"


def test_huge_output_is_not_read_whole(run):
    code = """
        import sys
        print('{"early": 1}')
        for _ in range(100):
            sys.stdout.write('x' * (1 << 20))
            sys.stdout.write('\\n{"a": 1}\\n')
        sys.stdout.write('y' * 1000 + '\\n')
        sys.exit(int(sys.argv[1]))
    """
    tracemalloc.start()
    try:
        assert python(code, "0").train({}, run) == {"a": 1}
        with pytest.raises(CommandFailed) as failed:
            python(code, "1").train({}, run)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert run.log_path.stat().st_size > 200 << 20
    assert str(failed.value) == f"exit code 1: {'y' * 200}"
    assert len(failed.value.output) < 70_000


def test_half_a_line_is_not_taken_for_a_whole_one(run):
    whole = '{"a": 1' + " " * ((1 << 16) - 8) + "}"
    assert trained(run, {}, whole) == {"a": 1}
    assert trained(run, {}, f"not {whole}") == {}


# Failures


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('bad lr')", "exit code 1: ValueError: bad lr"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import sys; print('a\\nb\\n\\n  '); sys.exit(3)", "exit code 3: b"),
        ("import sys; print('x' * 1000); sys.exit(3)", f"exit code 3: {'x' * 200}"),
        ("import sys; print('\\x1b[31mred\\x1b[0m'); sys.exit(3)", "exit code 3: red"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe!'); sys.exit(3)", "exit code 3: \ufffd\ufffd!"),
    ],
)
def test_an_exit_code(run, code, message):
    (run.dir / "metrics.json").write_text("{")
    with pytest.raises(CommandFailed) as failed:
        python(code).train({}, run)
    assert str(failed.value) == message
    assert failed.value.exit_code in (1, 3)
    assert failed.value.signal is None


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM"), (40, "signal 40")])
def test_a_signal(run, number, name):
    with pytest.raises(CommandFailed) as failed:
        python(f"import os; print('here', flush=True); os.kill(os.getpid(), {number})").train({}, run)
    assert str(failed.value) == f"killed by {name}"
    assert (failed.value.exit_code, failed.value.signal, failed.value.output) == (None, name, "here")


def test_the_output_of_a_failure_is_its_own_last_lines(run):
    run.log_path.write_text("of an earlier attempt\n")
    with pytest.raises(CommandFailed) as failed:
        python("import sys; print('early'); sys.exit(1)").train({}, run)
    assert failed.value.output == "early"
    with pytest.raises(CommandFailed) as failed:
        python("import sys; print(*range(100), sep='\\n'); sys.exit(1)").train({}, run)
    assert failed.value.output.splitlines() == [str(number) for number in range(80, 100)]


def test_the_cause_of_a_failure_with_a_huge_message(run):
    with pytest.raises(CommandFailed) as failed:
        python("raise ValueError('width 7\\n' + 'x' * 300_000)").train({}, run)
    assert str(failed.value) == "exit code 1: ValueError: width 7"


def test_a_failure_can_be_passed_between_processes():
    failed = CommandFailed(3, None, "ValueError: bad lr\n")
    again = pickle.loads(pickle.dumps(failed))
    assert (str(again), vars(again)) == (str(failed), vars(failed))


def test_a_program_that_vanishes_fails_the_run(run, tmp_path):
    with pytest.raises(FileNotFoundError):
        CommandTrainer((str(tmp_path / "gone"),)).train({}, run)


WORKER = """
import os, signal, sys
from gridfold.trainers.command import CommandTrainer
from gridfold.runs.run import Run
from gridfold.trainers.metrics.printed import MetricsUnreadable

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, interrupt)
try:
    CommandTrainer((sys.executable, "-c", sys.argv[1], "{run_dir}")).train({}, Run(sys.argv[2]))
except KeyboardInterrupt:
    print("interrupted", os.path.exists(sys.argv[2] + "/saved"), flush=True)
"""
SAVES_WHEN_STOPPED = """
import os, signal, sys, time

def save(*_):
    time.sleep(1)
    open(sys.argv[1] + "/saved", "w").close()
    sys.exit(0)

signal.signal(signal.SIGTERM, save)
open(sys.argv[1] + "/pid", "w").write(str(os.getpid()) + " ")
time.sleep(3000)
"""
STARTS_SLOWLY = """
import os, subprocess, sys, time

def start(*arguments, start=subprocess.Popen.__init__, **how):
    start(*arguments, **how)
    while not os.path.exists(sys.argv[2] + "/stopped"):
        time.sleep(0.01)

subprocess.Popen.__init__ = start
"""
DOES_NOT_STOP = SAVES_WHEN_STOPPED.replace("sys.exit(0)", "time.sleep(3000)")


def started(code, run, before=""):
    """A worker with its command, in a process group of their own, when the command runs."""
    worker = subprocess.Popen(
        [sys.executable, "-c", before + WORKER, code, str(run.dir)],
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = eventually(lambda: (run.dir / "pid").exists() and (run.dir / "pid").read_text().endswith(" "))
    return worker, int((run.dir / "pid").read_text()) if pid else 0


def eventually(condition):
    deadline = time.monotonic() + 300
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_command_that_is_stopped_may_end_in_its_own_time(run):
    worker, pid = started(SAVES_WHEN_STOPPED, run)
    assert os.getpgid(pid) == worker.pid
    os.killpg(worker.pid, signal.SIGTERM)
    assert worker.communicate(timeout=600) == ("interrupted True\n", "")
    assert not is_alive(pid)


def test_a_command_may_end_in_its_own_time_though_it_has_just_been_started(run):
    worker, _ = started(SAVES_WHEN_STOPPED, run, STARTS_SLOWLY)
    os.killpg(worker.pid, signal.SIGTERM)
    (run.dir / "stopped").touch()
    assert worker.communicate(timeout=600) == ("interrupted True\n", "")


def test_a_second_signal_ends_the_command(run):
    worker, pid = started(DOES_NOT_STOP, run)
    os.killpg(worker.pid, signal.SIGTERM)
    eventually((run.dir / "saved").exists)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.communicate(timeout=600) == ("interrupted True\n", "")
    assert not is_alive(pid)
