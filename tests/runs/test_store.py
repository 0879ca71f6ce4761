"""A runs folder: nothing in it is ever overwritten."""

import csv
import os
import threading
from dataclasses import replace

import pytest

from gridfold.core.errors import ConfigError
from gridfold.runs import folders, results_csv
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store

FACTS = {
    "search": "p",
    "config": "c.yaml",
    "variations": [],
    "runs": 1,
    "trainer": "t:t",
    "threads": 1,
    "seed": 0,
    "creator": {},
}


@pytest.fixture
def noon(monkeypatch):
    """The clock stands still."""
    monkeypatch.setattr(folders.time, "time", lambda: 1_700_000_000.0)
    return folders.datetime.fromtimestamp(1_700_000_000.0)


def entry(index, name, **params):
    return RunEntry(index, name, params, f"{index:016x}")


def test_searches_of_one_second_get_different_stamps(tmp_path, noon):
    stamps = [Store(tmp_path).create_search("p")[1] for _ in range(3)]
    assert stamps[0] == noon.strftime("%H%M%S")
    assert len(set(stamps)) == 3


def test_threads_that_start_at_once(tmp_path, noon):
    made = []
    threads = [threading.Thread(target=lambda: made.append(Store(tmp_path).create_search("p"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({search.dir for search, _ in made}) == 20


def test_a_stamp_of_which_a_run_is_left_is_passed_over(tmp_path, noon):
    old = tmp_path / f"P_{noon:%H%M%S}_lr_1"  # another case: the disk may not tell them apart
    old.mkdir()
    (old / "config.yaml").write_text("yesterday")
    _, stamp = Store(tmp_path).create_search("p")
    assert stamp != noon.strftime("%H%M%S")
    assert (old / "config.yaml").read_text() == "yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([old.name, f"p_{stamp}"])


def test_single_runs_of_one_second(tmp_path, noon):
    runs = [Store(tmp_path).create_run(f"a: {index}\n") for index in range(3)]
    assert runs[0].dir.name == noon.strftime("%Y-%m-%d_%H%M%S")
    assert [run.config_path.read_text() for run in runs] == ["a: 0\n", "a: 1\n", "a: 2\n"]


def test_a_run_directory_that_is_there_is_not_touched(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "config.yaml").write_text("old")
    with pytest.raises(FileExistsError):
        search.create_runs([(entry(0, "x"), "new")])
    assert (tmp_path / "x" / "config.yaml").read_text() == "old"
    assert not (search.dir / "runs.jsonl").exists()


def test_entries_come_back_as_they_were(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    entries = [entry(0, "a", lr=1e-7, x=None, y=[1, "é"]), entry(1, "b", lr=1.0, x=True, y={"k": 1})]
    search.create_runs((made, "a: 1\n") for made in entries)
    assert list(search.entries()) == entries
    assert [record for _, record in search.records()] == [None, None]


def test_results_have_a_row_for_every_run(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    search.create_runs((entry(index, f"r{index}", lr=index), "a: 1\n") for index in range(3))
    common = {"search": "p", "trainer": "t:t", "params": {}}
    Run(tmp_path / "r0").write(Record("0", 0, state="completed", metrics={"f1": 0.5}, seconds=1.5, **common))
    Run(tmp_path / "r1").write(Record("1", 1, state="failed", error={"type": "E", "message": "a,\nb"}, **common))
    results_csv.write(search.results_path, search.records)
    assert search.results_path.read_text() == (
        "index,run,lr,state,f1,seconds,error\n"
        "0,r0,0,completed,0.5,1.5,\n"
        '1,r1,1,failed,,,"E: a,\nb"\n'
        "2,r2,2,created,,,\n"
    )


def test_what_processes_say_of_a_search_at_once_is_all_kept(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    search.write_facts(FACTS)
    threads = [threading.Thread(target=search.update, kwargs={f"fact{index}": index}) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert search.facts() == FACTS | {f"fact{index}": index for index in range(20)}


def test_a_creation_that_another_process_has_completed_is_left(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    search.write_facts(FACTS)
    search.create_runs([(entry(0, "a", lr=1), "lr: 1\n")], again=True)
    search.extend([(replace(entry(0, "b", lr=1), repeat=1), "lr: 1\n")])
    search.create_runs([(entry(0, "a", lr=1), "lr: 1\n")], again=True)
    assert [found.run for found in search.entries()] == ["a", "b"]


def test_lists_in_results_are_json(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    search.create_runs([(entry(0, "r0", sizes=["é", None], how={"a": True}), "a: 1\n")])
    results_csv.write(search.results_path, search.records)
    with search.results_path.open() as file:
        (row,) = csv.DictReader(file)
    assert (row["sizes"], row["how"]) == ('["é", null]', '{"a": true}')


def test_no_two_columns_of_results_have_one_name(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    search.create_runs([(entry(0, "r0", lr=1, state=2), "a: 1\n")])
    metrics = {"lr": 3, "state": 4, "seconds": 5, "acc": 6}
    Run(tmp_path / "r0").write(Record("0", 0, "p", {}, "t:t", state="completed", metrics=metrics, seconds=7))
    results_csv.write(search.results_path, search.records)
    assert search.results_path.read_text() == (
        "index,run,lr,params.state,state,metrics.lr,metrics.state,metrics.seconds,acc,seconds,error\n"
        "0,r0,1,2,completed,3,4,5,6,7,\n"
    )


def test_results_and_log_take_what_cannot_be_encoded(tmp_path):
    search, _ = Store(tmp_path).create_search("p")
    search.create_runs([(entry(0, "r0"), "a: 1\n")])
    error = {"type": "E", "message": "caf\udce9"}
    Run(tmp_path / "r0").write(Record("0", 0, "p", {}, "t:t", state="failed", error=error))
    results_csv.write(search.results_path, search.records)
    search.log("caf\udce9")
    assert search.results_path.read_text().endswith("failed,,E: caf?\n")
    assert (search.dir / "search.log").read_text().endswith(" caf?\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be"):
        Store(tmp_path / "runs").create_search("p")


def test_the_last_search_is_the_one_created_last_whatever_its_name(tmp_path):
    for name, created in (("b_120000", "2025-01-02"), ("c_110000", "2025-01-01"), ("a_130000", "2025-01-03")):
        (tmp_path / name).mkdir()
        SearchDirectory(tmp_path / name).write_facts(FACTS | {"search": name, "created": created})
    assert Store(tmp_path).find("last").name == "a_130000"
    assert [search.name for search in Store(tmp_path).searches()] == ["c_110000", "b_120000", "a_130000"]
