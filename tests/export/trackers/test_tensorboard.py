"""Event files, as TensorBoard's own reader and its HPARAMS plugin read them."""

import numpy as np
import pytest
import yaml

from gridfold.core.values import Loader
from tests.export.trackers.contract import Found, TrackerContract, begun, over, search
from tests.export.trackers.hard_values import HARD_NUMBERS, is_same, is_text_of

pytest.importorskip("tensorboard")
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.plugins.hparams import metadata as hparams

from gridfold.export.trackers.tensorboard import TensorBoard

STATES = {api_pb2.STATUS_SUCCESS: "completed", api_pb2.STATUS_FAILURE: "failed"}


def multiplexer_of(folder):
    found = plugin_event_multiplexer.EventMultiplexer(size_guidance={"scalars": 0, "tensors": 0})
    found.AddRunsFromDirectory(str(folder))
    found.Reload()
    return found


def table_of(folder):
    """The columns and the rows of the HPARAMS table."""
    multiplexer = multiplexer_of(folder)
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    plugin = backend_context.Context(
        base_plugin.TBContext(logdir=str(folder), multiplexer=multiplexer, data_provider=provider)
    )
    asked = context.RequestContext()
    found = plugin.experiment_from_metadata(
        asked, "", include_metrics=True, hparams_run_to_tag_to_content=plugin.hparams_metadata(asked, ""),
        data_provider_hparams=[],
    )  # fmt: skip
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=1000, allowed_statuses=[0, 1, 2, 3], include_metrics=True
    )
    rows = list_session_groups.Handler(asked, plugin, "", request).run()
    return found, rows.session_groups


class TestTensorBoard(TrackerContract):
    NAME = "tensorboard"

    def make(self, folder):
        return TensorBoard(folder)

    def value(self, found, value):
        """TensorBoard has one kind of number."""
        is_number = type(value) in (int, float) and type(found) is float
        return is_same(found, value) or is_text_of(found, value) or (is_number and found == value)

    def number(self, found, value):
        """Curves have 32 bits."""
        with np.errstate(over="ignore"):
            return repr(found) == repr(float(np.float32(value)))

    def read(self, folder):
        multiplexer, found = multiplexer_of(folder), {}
        for run, tags in multiplexer.PluginRunToTagToContent("hparams").items():
            start = hparams.parse_session_start_info_plugin_data(tags[hparams.SESSION_START_INFO_TAG])
            params = {name: getattr(value, f"{value.WhichOneof('kind')}") for name, value in start.hparams.items()}
            state = "running"
            if end := tags.get(hparams.SESSION_END_INFO_TAG):
                state = STATES[hparams.parse_session_end_info_plugin_data(end).status]
            curves = {}
            for tag in multiplexer.PluginRunToTagToContent("scalars").get(run, {}):
                events = multiplexer.Tensors(run, tag)
                curves[tag] = [(event.step, event.tensor_proto.float_val[0]) for event in events]
            index = int(start.group_name.rpartition(":")[2])
            assert index not in found
            found[index] = Found(params, curves, {tag: curve[-1][1] for tag, curve in curves.items()}, state)
        return found


def test_the_table_has_the_columns_of_all_runs(tmp_path):
    facts = search(tmp_path, lr=[0.1, 0.2], opt=["adam", "sgd"], momentum=[0.9, None])
    tracker = TensorBoard(tmp_path / "tb")
    tracker.begin(facts)
    tracker.write(
        [
            begun(facts.dir, 0, {"lr": 0.1, "opt": "adam"}, trial=0),
            begun(facts.dir, 2, {"lr": 0.1, "opt": "adam"}, repeat=1, trial=0),
        ]
    )
    tracker.write([begun(facts.dir, 1, {"lr": 0.2, "opt": "sgd", "momentum": None}, trial=1)])
    for index, loss in ((0, 0.5), (1, 0.25), (2, 0.75)):
        tracker.write([over(begun(facts.dir, index, trial=index % 2), loss=loss)])
    tracker.end()
    columns, rows = table_of(tmp_path / "tb")
    assert {(each.name, each.type) for each in columns.hparam_infos} == {
        ("lr", api_pb2.DATA_TYPE_FLOAT64), ("opt", api_pb2.DATA_TYPE_STRING), ("momentum", api_pb2.DATA_TYPE_STRING)
    }  # fmt: skip
    found = {row.name: (row.metric_values[0].value, len(row.sessions)) for row in rows}
    assert found == {"demo_120000:0": (0.625, 2), "demo_120000:1": (0.25, 1)}  # repeats are one row, with their mean


def test_final_metrics_are_exact_as_a_text(tmp_path):
    metrics = {f"m{place}": value for place, value in enumerate(HARD_NUMBERS)}
    facts = search(tmp_path, lr=[0.1])
    tracker = TensorBoard(tmp_path / "tb")
    tracker.begin(facts)
    tracker.write([begun(facts.dir)])
    tracker.write([over(begun(facts.dir), **metrics)])
    multiplexer = multiplexer_of(tmp_path / "tb")
    (event,) = multiplexer.Tensors("demo_120000_0", "metrics")
    text = event.tensor_proto.string_val[0].decode().removeprefix("```yaml\n").removesuffix("```")
    assert is_same(yaml.load(text, Loader), metrics)


def test_not_finite_numbers_do_not_break_the_page(tmp_path):
    from google.protobuf import json_format

    facts = search(tmp_path, lr=[float("nan"), float("inf"), 0.1])
    tracker = TensorBoard(tmp_path / "tb")
    tracker.begin(facts)
    tracker.write([begun(facts.dir, index, {"lr": lr}) for index, lr in enumerate(facts.parameters["lr"])])
    tracker.write([over(begun(facts.dir, 0), loss=float("nan"))])
    tracker.end()
    columns, rows = table_of(tmp_path / "tb")
    assert json_format.MessageToJson(columns)
    assert all(map(json_format.MessageToJson, rows))
