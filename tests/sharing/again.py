"""A program for many trials that splits without a fork: it runs again from the start for each group."""

import copy

from gridfold.sharing.group import Group


class _Split(BaseException):
    def __init__(self, groups):
        self.groups = groups


def by_running_again(run, configs):
    """What ``run`` gives each trial, and where they split; it runs once for each group, and gives a result by trial."""
    results, splits, ways = {}, [], [[]]
    while ways:
        way = ways.pop()
        ahead = iter(way)

        def split(path, groups, place, ahead=ahead):
            group = next(ahead, None)
            if group is None:
                splits.append((path, groups, place))
                raise _Split(groups)
            assert group in groups
            return group

        try:
            found = run(Group(copy.deepcopy(configs), split))
        except _Split as at:
            ways.extend([*way, group] for group in reversed(at.groups))
            continue
        assert next(ahead, None) is None
        assert not results.keys() & found.keys()
        results |= found
    return [results[trial] for trial in range(len(configs))], splits
