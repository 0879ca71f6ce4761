"""What ``--json`` prints: one document, whatever happens, which fits its schema; schemas change with their version."""

import hashlib
import json
import math
import re

import jsonschema
import pytest
import yaml

from gridfold.cli import main
from gridfold.core.errors import EXIT_CODES
from gridfold.core.process.identity import new_session
from gridfold.core.process.liveness import PROCESS
from gridfold.core.values import Loader
from gridfold.export.json.document import schema
from gridfold.runs.workers import Workers
from tests import made
from tests.conftest import ROOT
from tests.export.trackers.hard_values import HARD_METRICS, HARD_NAMES, HARD_NUMBERS, HARD_VALUES, is_same

SCHEMAS = sorted(ROOT.glob("gridfold/export/json/schemas/*.json"))
# A schema that has been published never changes: what needs another one is the next version, in a file of its own.
PUBLISHED = {
    "best-1": "ef698f6b6a95858e",
    "collect-1": "4fbf95da5cf0f690",
    "diff-1": "e06a54edc1ba10ea",
    "error-1": "1e3e210455a142a1",
    "explain-1": "f28ad62143b18f54",
    "list-1": "feb3805f7dd13445",
    "plan-1": "0fb296149233a3a6",
    "report-1": "9546545e8c4341b9",
    "results-1": "ed9bfa7bb26a7934",
    "search-1": "2a5b9edc479eb669",
    "sharing-1": "620b50c4322b6310",
    "status-1": "2dc1c4df706bbcf2",
    "verify-2": "c21b1efa80623752",
}
TRAINER = """
def train(config, run):
    if config["lr"] == 0.5:
        raise ValueError("too high")
    print("seen by people")
    for epoch in (1, 2):
        run.report(epoch=epoch, val_f1=epoch * config["lr"] + (run.seed or 0) % 7 / 1000, val_loss=1 / epoch)
"""
FAILED = {"state": "failed", "error": {"type": "ValueError", "message": "no", "place": "toy.py:3", "traceback": "…"}}


@pytest.fixture
def tell(project, capfd, monkeypatch):
    """Runs a command with ``--json``; gives its exit code and its document, which fits its schema."""

    def run(*words):
        capfd.readouterr()
        code = main([*words[:1], "--json", *words[1:]])
        output = capfd.readouterr().out
        assert output.count("\n") == 1, output
        said = json.loads(output, parse_constant=_refuse)
        check(said)
        return code, said

    return run


def check(said):
    """Whether a document fits its schema, and the schema leaves nothing open but what people name."""
    found = schema(said["schema"].removeprefix("gridfold/"))
    jsonschema.Draft202012Validator.check_schema(found)
    jsonschema.validate(said, found, cls=jsonschema.Draft202012Validator)


def _refuse(name):
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture
def trained(project, tell):
    """A search that was executed: repeats, and a run that fails."""
    (project / "tune.py").write_text(TRAINER)
    (project / "c.yaml").write_text(
        "gridfold: {trainer: 'tune:train', repeats: 2}\nlr: [0.1, 0.2, 0.5]\nsize: [1, 2]\n"
    )
    code, said = tell("search", "--config", "c.yaml", "--run-prefix", "demo", "--keep-going")
    assert code == said["exit_code"] == 1
    return said["search"]


def test_a_search_from_the_plan_to_the_confirmed_best(project, trained, tell):
    code, plan = tell("plan", "--config", "c.yaml")
    assert (code, plan["runs"], plan["trials"], plan["reusable"]) == (0, 12, 6, 8)
    assert [(each["path"], each["values"]) for each in plan["parameters"]] == [
        ("lr", [0.1, 0.2, 0.5]),
        ("size", [1, 2]),
    ]
    assert tell("search", "--config", "c.yaml", "--dry-run")[1]["schema"] == "gridfold/plan/1"

    code, status = tell("status", trained)
    assert status["states"] == {"completed": 8, "failed": 4}
    assert [(each["type"], each["count"], each["place"]) for each in status["failures"]] == [
        ("ValueError", 4, "tune.py:4")
    ]
    assert status["active"] is False

    code, confirmed = tell("confirm", trained, "--repeats", "2")
    assert (code, confirmed["schema"], confirmed["total"]) == (0, "gridfold/search/1", 16)
    code, report = tell("report", trained)
    assert [each["params"] for each in report["near_best"]] == [{"lr": 0.2, "size": 1}, {"lr": 0.2, "size": 2}]
    assert report["answer"]
    assert report["confirmation"]
    code, best = tell("best", trained)
    assert best["params"]["lr"] == 0.2
    assert best["tie"]["count"] == len(best["tied"]) == 2  # the size makes no difference
    assert [each["n"] for each in best["confirmation"]] == [2, 2]
    assert best["run"]["config"] == best["params"]
    assert best["run"]["metrics"]["val_f1"] == pytest.approx(best["value"], abs=0.01)

    code, results = tell("results", "--where", "size == 1", "-n", "1")
    assert (results["total"], len(results["rows"])) == (3, 1)
    assert results["rows"][0]["metrics"]["val_f1"] == best["value"]
    assert tell("resume", "last", "--dry-run")[1]["exit_code"] == 0
    code, created = tell("search", "--config", "c.yaml", "--no-execute", "--run-prefix", "later")
    assert (code, created["states"], created["active"]) == (0, {"created": 12}, False)


def test_what_looks_at_a_search(project, trained, tell):
    code, found = tell("diff", "0", "1")
    assert found["config"] == [{"path": "size", "a": 1, "b": 2}]
    code, shared = tell("sharing")
    assert shared["shared"] is True
    assert shared["parts"][0]["until"] == "lr"
    code, verified = tell("verify", "-n", "1", "--quiet")
    assert (code, verified["same"], verified["verdicts"]) == (0, True, {"bitwise": 1})
    code, collected = tell("collect")
    assert (code, collected["done"], collected["changed"]) == (0, 8, [])
    code, listed = tell("list")
    assert [(each["search"], each["done"], each["total"]) for each in listed["searches"]] == [(trained, 8, 12)]
    assert tell("results", "--runs")[1]["rows"][-1]["error"] == "ValueError: too high"


def exactly(said):
    """The value that a document tells."""
    if isinstance(said, dict):
        return yaml.load(said["!yaml"], Loader) if [*said] == ["!yaml"] else {key: exactly(said[key]) for key in said}
    return list(map(exactly, said)) if isinstance(said, list) else said


def test_values_and_names_that_other_tools_change(project, tell):
    values = [*HARD_VALUES.values(), {"!yaml": "1"}, [{1: [math.nan]}]]
    runs = [
        {"params": dict.fromkeys(HARD_NAMES, value), "metrics": {"f1": place}} for place, value in enumerate(values)
    ]
    for run, number in zip(runs, HARD_NUMBERS, strict=False):
        run["metrics"] |= dict.fromkeys(HARD_METRICS, number)
    made.search(project / "runs", "hard_1", runs, metric="f1")
    rows = tell("results", "--sort", "index")[1]["rows"]
    for row, value in zip(rows, values, strict=True):
        assert [*row["params"]] == list(HARD_NAMES)
        assert all(is_same(exactly(row["params"][name]), value) for name in HARD_NAMES)
    assert len({json.dumps(row["params"]["lr"]) for row in rows}) == len(values)
    for row, number in zip(rows, HARD_NUMBERS, strict=False):
        found = row["metrics"]["val_f1"]
        assert is_same(float(found) if isinstance(found, str) else found, number)
        assert row["metrics"].keys() == {"f1", *HARD_METRICS}


def test_metrics_that_are_not_there_and_those_that_diverged(project, tell):
    runs = [
        made.completed(1, val_f1=math.nan, other=-math.inf),
        made.completed(2, val_f1=0.5),
        {"params": {"training.lr": 3}},
        {"params": {"other": None}, **FAILED},
    ]
    made.search(project / "runs", "some_1", runs)
    _, said = tell("results", "--sort", "index")
    assert [row["metrics"] for row in said["rows"]] == [{"val_f1": "nan", "other": "-inf"}, {"val_f1": 0.5}, {}, {}]
    assert [row["params"] for row in said["rows"]][-1] == {"other": None}
    assert [row["state"] for row in said["rows"]] == ["completed", "completed", "created", "failed"]
    assert tell("status")[1]["left"] == 1


def test_metrics_of_a_test_set_are_told_if_they_are_named(project, tell):
    made.search(project / "runs", "some_1", [made.completed(1, val_f1=0.5, test_f1=0.25)])
    assert tell("results")[1]["rows"][0]["metrics"] == {"val_f1": 0.5}
    assert tell("results", "--columns", "test_f1")[1]["rows"] == [
        {"params": {}, "metrics": {"test_f1": 0.25}, "stds": {}}
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["status", "nope"],
        ["list"],
        ["statsu"],
        ["best", "--metrc", "f1"],
        ["best", "--metric"],
        ["results", "--format", "csv"],
        ["plan", "--config", "broken.yaml"],
        ["search", "--config", "broken.yaml"],
        ["logs", "0"],
    ],
    ids=" ".join,
)
def test_errors(project, tell, words, snapshot):
    (project / "broken.yaml").write_text("a: [1, 2]\na: 3\n")
    code, said = tell(*words)
    assert (code, said) == (2, snapshot)
    assert said["error"]["exit_code"] == code


def test_an_error_of_gridfold_is_told_too(project, tell, monkeypatch, capfd):
    made.search(project / "runs", "some_1", [made.completed(1, val_f1=0.5)])
    monkeypatch.setattr("gridfold.export.json.status.Results", None)
    with pytest.raises(AttributeError):
        main(["status", "--json"])
    said = json.loads(capfd.readouterr().out)
    check(said)
    assert said["error"]["exit_code"] == 1


def test_a_search_is_active_while_a_process_has_a_heartbeat(project, tell):
    search = made.search(project / "runs", "some_1", [{"params": {"training.lr": 1}}])
    assert tell("status")[1]["active"] is False
    with Workers(search.dir).beating(new_session(), PROCESS, 1, lambda: None):
        assert tell("status")[1]["active"] is True
    assert tell("status")[1]["active"] is False


def test_a_search_that_asks_which_metric_counts(project, tell):
    (project / "odd.py").write_text("def train(config, run):\n    return {'a': config['x'], 'b': 1.0}\n")
    (project / "c.yaml").write_text("gridfold: {trainer: 'odd:train'}\nx: [1, 2]\n")
    code, said = tell("search", "--config", "c.yaml", "--parallel", "1")
    assert (code, said["exit_code"], said["left"]) == (1, 1, 1)
    assert f"To continue: gridfold resume {said['search']} --metric a" in said["unfinished"]
    code, said = tell("resume", "last", "--metric", "a")
    assert (code, said["left"], said["unfinished"], said["best"]["value"]) == (0, 0, None, 2)


def test_the_option_may_stand_before_the_command(project, capfd):
    made.search(project / "runs", "some_1", [made.completed("ü", f1=1)])
    assert main(["--json", "list"]) == 0
    assert json.loads(capfd.readouterr().out)["searches"][0]["best"]["params"] == {"training.lr": "ü"}


def test_people_read_the_rest_on_standard_error(project, trained, capfd):
    main(["resume", "last", "--json"])
    said = capfd.readouterr()
    assert said.out.startswith('{"schema": "gridfold/search/1"')
    assert "12 runs" in said.err


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_a_schema_that_changes_is_another_version(path):
    found = json.loads(path.read_text())
    name, version = path.stem.rsplit("-", 1)
    assert found["$id"] == f"gridfold/{name}/{version}" == found["properties"]["schema"]["const"]
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
    assert PUBLISHED.get(path.stem) == digest, "write the next version beside it, and let the document say that"


def test_documents_are_listed_in_the_docs():
    page = (ROOT / "docs/json.md").read_text()
    assert set(re.findall(r"\| `gridfold/(\w+)/(\d+)`", page)) == {tuple(path.stem.split("-")) for path in SCHEMAS}


def test_exit_codes_are_in_one_table():
    page = (ROOT / "docs/reference.md").read_text()
    assert dict(re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)) == {f"{c}": m for c, m in EXIT_CODES.items()}
    assert not re.search(r"^\| 130 \|", "".join(path.read_text() for path in ROOT.glob("docs/r[!e]*.md")), re.MULTILINE)
