"""Tails and quantiles: the numbers of scipy.stats, to the last bit."""

import pytest

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")

from gridfold.analysis.distributions import chi2_quantile, f_tail, t_quantile, t_tail  # noqa: E402

X = np.linspace(0.0, 40.0, 81)
P = np.linspace(0.001, 0.999, 81)
DF = np.repeat([0.5, 1.0, 2.0, 7.5, 30.0, 1e6], 81)


def same(ours, theirs):
    return np.array_equal(ours, theirs, equal_nan=True)


def test_they_are_those_of_scipy_stats():
    x, p = np.tile(X, 6), np.tile(P, 6)
    assert same(t_tail(x, DF), stats.t.sf(x, DF))
    assert same(t_quantile(p, DF), stats.t.ppf(p, DF))
    assert same(chi2_quantile(p, DF), stats.chi2.ppf(p, DF))
    assert same(f_tail(x, 3, DF), stats.f.sf(x, 3, DF))


def test_there_is_no_end_where_numbers_end():
    assert f_tail(np.inf, 3, 2) == stats.f.sf(np.inf, 3, 2) == 0
    assert np.isnan(f_tail(np.nan, 3, 2))
