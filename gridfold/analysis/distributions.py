"""The tails and quantiles of the t, F and chi-squared distributions.

Those that each report needs are computed here, for to import scipy takes longer than a small search; the others are
from ``scipy.special``, which has the same numbers as ``scipy.stats`` and is imported in a quarter of the time.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

_PRECISION = 1e-15  # of the last factor of a continued fraction
_MOST_TERMS = 10_000


def t_tail(x: Any, df: Any) -> Any:
    """The probability that Student's t is above ``x``; numbers or arrays."""
    from scipy import special

    return special.stdtr(df, -x)


@lru_cache(maxsize=1000)
def t_quantile(p: float, df: float) -> float:
    """The value below which Student's t lies with probability ``p``, a number from 0.5; to eight digits."""
    low, high = 0.0, 1.0
    while f_tail(high**2, 1, df) > 2 * (1 - p):
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if f_tail(middle**2, 1, df) > 2 * (1 - p) else (low, middle)
    return middle


def f_tail(x: float, df: float, error_df: float) -> float:
    """The probability that F is above ``x``, a number that is not negative; to eight digits where ``df`` is 1 or more.

    It is the regularised incomplete beta function (DLMF 8.17.22).
    """
    if math.isnan(x) or math.isinf(x):
        return 0.0 if x > 0 else x
    above = df * x / (error_df + df * x)
    if above <= (df / 2 + 1) / ((df + error_df) / 2 + 2):
        return 1 - _beta(above, df / 2, error_df / 2)
    return _beta(error_df / (error_df + df * x), error_df / 2, df / 2)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, where its continued fraction converges soon: below a / (a + b)."""
    if x == 0:
        return 0.0
    power = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    denominator = 1 / (1 - (a + b) * x / (a + 1))
    numerator, value, m = 1.0, denominator, 0
    while abs(numerator * denominator - 1) > _PRECISION and m < _MOST_TERMS:  # as modified by Lentz
        m += 1
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            denominator = 1 / (1 + term * denominator)
            numerator = 1 + term / numerator
            value *= numerator * denominator
    return math.exp(power) * value / a


def chi2_quantile(p: Any, df: Any) -> Any:
    """The value below which chi-squared lies with probability ``p``; numbers or arrays."""
    from scipy import special

    return 2 * special.gammaincinv(df / 2, p)
