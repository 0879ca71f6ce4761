"""A list that stands for those of many trials: each trial sees what it would see alone."""

import copy
import json
import pickle

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridfold.sharing.disguise import Pickles
from gridfold.sharing.shared_list import share_list
from tests.sharing.again import by_running_again


def _count(*words):
    return len(words)


def _ends(first, *rest):
    return first, rest


# x: the list; o: another one at hand; w: a word; n: a small number
STEPS = {
    "item": lambda x, o, w, n: x[n],
    "last": lambda x, o, w, n: x[-n],
    "slice": lambda x, o, w, n: x[n:],
    "slice to": lambda x, o, w, n: x[:n],
    "every other": lambda x, o, w, n: x[::2],
    "len": lambda x, o, w, n: (len(x), bool(x)),
    "in": lambda x, o, w, n: (w in x, x.count(w)),
    "index": lambda x, o, w, n: x.index(w, n),
    "list": lambda x, o, w, n: [*x],
    "reversed": lambda x, o, w, n: [*reversed(x)],
    "sorted": lambda x, o, w, n: sorted(x),
    "join": lambda x, o, w, n: " ".join(x),
    "first": lambda x, o, w, n: next((each for each in x if each.startswith(w)), None),
    "+": lambda x, o, w, n: x + [w],  # noqa: RUF005
    "radd": lambda x, o, w, n: [w] + x,  # noqa: RUF005
    "+ other": lambda x, o, w, n: x + o,
    "+ wrong": lambda x, o, w, n: x + (w,),  # noqa: RUF005
    "+=": lambda x, o, w, n: x.__iadd__([w]),
    "+= other": lambda x, o, w, n: x.__iadd__(o),
    "*": lambda x, o, w, n: x * 2,
    "*=": lambda x, o, w, n: x.__imul__(n) if len(x) < 20 else None,
    "==": lambda x, o, w, n: (x == o, x != o, x == ["a", w], x < o),
    "append": lambda x, o, w, n: x.append(w),
    "append own": lambda x, o, w, n: x.append(x[n]),
    "index own": lambda x, o, w, n: x.index(x[-n]),
    "extend": lambda x, o, w, n: x.extend(iter([w, w])),
    "extend other": lambda x, o, w, n: x.extend(o) if len(x) < 20 else None,
    "insert": lambda x, o, w, n: x.insert(n, w),
    "pop": lambda x, o, w, n: x.pop(n),
    "pop last": lambda x, o, w, n: x.pop(),
    "remove": lambda x, o, w, n: x.remove(w),
    "clear": lambda x, o, w, n: x.clear() if n == 0 else None,
    "reverse": lambda x, o, w, n: x.reverse(),
    "sort": lambda x, o, w, n: x.sort(reverse=True, key=len),
    "set": lambda x, o, w, n: x.__setitem__(n, w),
    "set slice": lambda x, o, w, n: x.__setitem__(slice(n, None), iter([w])),
    "del": lambda x, o, w, n: x.__delitem__(n),
    "del slice": lambda x, o, w, n: x.__delitem__(slice(0, n)),
    "copy": lambda x, o, w, n: x.copy(),
    "copy.copy": lambda x, o, w, n: copy.copy(x),
    "deepcopy": lambda x, o, w, n: copy.deepcopy(x),
    "repr": lambda x, o, w, n: repr(x),
    "format": lambda x, o, w, n: f"{x}",
    "json": lambda x, o, w, n: json.dumps(x),
    "pickle": lambda x, o, w, n: pickle.dumps(x, n),
    "hash": lambda x, o, w, n: hash(x),
    "unpack": lambda x, o, w, n: _count(*x),
    "star": lambda x, o, w, n: _ends(*x),
    "type": lambda x, o, w, n: (isinstance(x, list), x.__class__.__name__),
}
WORDS = st.sampled_from(["a", "bb", "--lr", "--lr=1", "", "0.1"])
LISTS = st.lists(st.lists(WORDS, max_size=4), min_size=2, max_size=5)
PROGRAMS = st.lists(
    st.tuples(st.sampled_from(list(STEPS)), WORDS, st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=12
)


def observed(steps, words):
    at_hand, seen = [words], []
    for name, word, which, number in steps:
        subject, other = at_hand[-1 - which % len(at_hand)], at_hand[which // 2 % len(at_hand)]
        try:
            result = STEPS[name](subject, other, word, number)
        except Exception as error:
            seen.append((name, type(error).__name__, str(error)))
            continue
        if isinstance(result, list):
            at_hand.append(result)
        else:
            seen.append((name, result))
    return seen + [list(each) for each in at_hand]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(LISTS, PROGRAMS)
def test_every_trial_sees_what_it_would_see_alone(lists, steps):
    def run(group):
        pickles = Pickles(group.settle)
        try:
            result = observed(steps, share_list(group, "words", dict(enumerate(copy.deepcopy(lists)))))
        finally:
            pickles.stop()
        return dict.fromkeys(group.trials, result)

    results, _ = by_running_again(run, [{}] * len(lists))
    assert results == [observed(steps, list(words)) for words in lists]
