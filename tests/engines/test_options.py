"""The options of jobs, as they are typed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.engines.options import options

NAMES = st.text("abcz-", min_size=1, max_size=5).filter(lambda name: name[0] != "-")
VALUES = st.text("abc019:/=,.%+ ", min_size=1).map(str.strip).filter(bool)
LISTED = st.sampled_from(["n1", "4:00:00", "gpu:2", "A=1", "7"])


def said(text):
    return options(text, "--slurm")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("partition=gpu,time=4:00:00", {"partition": "gpu", "time": "4:00:00"}),
        ("exclude=n1,n2,qos=low", {"exclude": "n1,n2", "qos": "low"}),
        ("gres=gpu:2,shard:1", {"gres": "gpu:2,shard:1"}),
        ("tres-per-task=cpu:2,gres/gpu:1", {"tres-per-task": "cpu:2,gres/gpu:1"}),
        ("partition=a,b,exclusive", {"partition": "a,b", "exclusive": ""}),
        ("exclusive,time=5", {"exclusive": "", "time": "5"}),
        ("--partition=gpu, --exclusive", {"partition": "gpu", "exclusive": ""}),
        ("export=ALL,A=1", {"export": "ALL,A=1"}),
        ("export='ALL,a=1',time=5", {"export": "ALL,a=1", "time": "5"}),
        ("constraint='a&b'", {"constraint": "a&b"}),
        ("", {}),
    ],
)
def test_a_comma_before_a_name_begins_the_next_option(text, found):
    assert said(text) == found


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_whatever_is_in_quotes_is_one_value(given):
    assert said(",".join(f"{name}='{value}'" for name, value in given.items())) == given


@given(
    st.dictionaries(NAMES, st.lists(st.sampled_from(["n1", "4:00:00", "gpu:2", "A=1", "7"]), min_size=1), max_size=4)
)
def test_lists_need_no_quotes(given):
    lists = {name: ",".join(values) for name, values in given.items()}
    assert said(",".join(f"{name}={value}" for name, value in lists.items())) == lists


def test_a_quote_that_is_not_closed():
    with pytest.raises(ConfigError, match=re.escape("a quote is not closed: export='a")):
        said("export='a")
