"""Tails and quantiles: the numbers of scipy.stats, to the last bit or to eight digits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")

from gridfold.analysis.distributions import chi2_quantile, f_tail, t_quantile, t_tail  # noqa: E402

X = np.linspace(0.0, 40.0, 81)
P = np.linspace(0.001, 0.999, 81)
DF = np.repeat([0.5, 1.0, 2.0, 7.5, 30.0, 1e6], 81)
DEGREES = st.one_of(st.integers(1, 500), st.floats(1, 1e6))


def same(ours, theirs):
    return np.array_equal(ours, theirs, equal_nan=True)


def close(theirs):
    return pytest.approx(float(theirs), rel=1e-8, abs=1e-300)


def test_they_are_those_of_scipy_stats():
    x, p = np.tile(X, 6), np.tile(P, 6)
    assert same(t_tail(x, DF), stats.t.sf(x, DF))
    assert same(chi2_quantile(p, DF), stats.chi2.ppf(p, DF))


@given(st.floats(0, 1e6), DEGREES, st.one_of(DEGREES, st.floats(1e-3, 1)))
def test_the_tail_of_f_is_that_of_scipy_stats(x, df, error_df):
    assert f_tail(x, df, error_df) == close(stats.f.sf(x, df, error_df))


@given(st.floats(0.5, 0.9999), st.one_of(st.integers(1, 500), st.floats(0.5, 1e6)))
def test_the_quantile_of_t_is_that_of_scipy_stats(p, df):
    assert t_quantile(p, df) == pytest.approx(float(stats.t.ppf(p, df)), rel=1e-8, abs=1e-8)


def test_there_is_no_end_where_numbers_end():
    assert f_tail(math.inf, 3, 2) == stats.f.sf(math.inf, 3, 2) == 0
    assert math.isnan(f_tail(math.nan, 3, 2))
