"""What the runs of a search shared, what that saved, what they did not share and why, and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gridfold.records.objective import Objective
from gridfold.records.trials import records_at_best
from gridfold.runs.search import SearchDirectory
from gridfold.sharing.report import EarlyRead, Part, Sharing
from gridfold.show import terminal

_WRITING = "writing "  # a path that is none: see ``gridfold.sharing.write_guard``
_MAX_ROWS = 20
_MAX_SENTENCES = 5
_OWN = "the runs themselves"
HEADINGS = ("part", "times", "for runs", "each", "in all", "alone")
_ABOUT = 1.05  # a ratio below is no difference


def render(search: SearchDirectory) -> Group:
    """All that is known of what the runs of a search shared."""
    sharing = Sharing.of(search)
    if not sharing.batched:
        return Group(f"[bold]{escape(search.name)}[/]: nothing was shared", *_why_nothing(search, sharing))
    early, maybe = _advice(sharing)
    return Group(
        f"[bold]{escape(search.name)}[/]: {_of_cpu(sharing)}",
        _by_the_clock(sharing),
        _table(sharing),
        *_more(search, sharing),
        *(["[bold yellow]Read too early", *map(_item, early)] if early else []),
        *(["[bold]Maybe read too early", *map(_item, maybe)] if maybe else []),
    )


def in_words(search: SearchDirectory) -> tuple[list[str], list[list[str]]]:
    """What sharing saved and why some runs shared nothing, as plain sentences; the rows of the table of work."""
    sharing = Sharing.of(search)
    if not sharing.batched:
        return ["Nothing was shared.", *map(_plain, _why_nothing(search, sharing))], []
    saved = [f"All runs took {_of_cpu(sharing)}.", f"{_by_the_clock(sharing)}."]
    return saved + list(map(_plain, _more(search, sharing))), [*_rows(sharing)]


def results(search: SearchDirectory) -> Group:
    """The results of a search; below, what sharing saved, and what would save most."""
    sharing = Sharing.read(search.sharing_events())
    records = records_at_best(search, Objective.said(search.facts()))
    shown = terminal.results(search, sharing.counting(records))
    return Group(shown, *_summary(search, sharing))


def _summary(search: SearchDirectory, sharing: Sharing) -> list[str]:
    """At most three lines."""
    if not sharing.batched:
        return []
    spent, lone = sharing.spent.cpu_seconds, sharing.lone.cpu_seconds
    line = (
        f"Sharing: {_seconds(spent)} s of CPU; a process for each run would take about {_seconds(lone)} s "
        f"(gridfold sharing {search.name})"
    )
    early, _ = _advice(sharing)
    return [escape(line), *_unread(search, sharing), *(f"[yellow]{escape(sentence)}" for sentence in early[:1])]


def _why_nothing(search: SearchDirectory, sharing: Sharing) -> list[str]:
    """Why nothing was shared, as far as that is known."""
    if sharing.reasons:
        return _reasons(sharing)
    if sharing.batches:
        return ["No run that may have shared work has ended yet, or says what it took."]
    facts = search.facts()
    execution = facts.get("execution")
    if not isinstance(execution, dict):
        return ["It has not been executed yet."]
    if execution.get("share") is False:
        return ["It was executed with --no-share."]
    if facts["runs"] == 1:
        return ["It has one run."]
    return ["Nothing says why: it had no two runs to execute, or an older gridfold executed it."]


def _of_cpu(sharing: Sharing) -> str:
    return _instead(sharing.spent.cpu_seconds, sharing.lone.cpu_seconds, " of CPU")


def _by_the_clock(sharing: Sharing) -> str:
    return f"By the clock, one process after another: {_instead(sharing.spent.seconds, sharing.lone.seconds)}"


def _instead(spent: float, lone: float, what: str = "") -> str:
    ratio = lone / spent if spent > 0 else 1.0
    if ratio >= _ABOUT:
        less = f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"
        return f"{_seconds(spent)} s{what} instead of {_seconds(lone)} s: {less} less"
    compared = "as much as" if ratio * _ABOUT >= 1 else f"more than the {_seconds(lone)} s that"
    return f"{_seconds(spent)} s{what}, {compared} runs alone would have taken"


def _table(sharing: Sharing) -> Table:
    """The parts of the work: how often they were done, for how many runs; what they took, and would have alone."""
    table = Table(title="What was computed, in seconds of CPU", title_justify="left", title_style="bold")
    table.add_column(HEADINGS[0], overflow="fold")
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="right")
    rows = list(_rows(sharing))
    for position, row in enumerate(rows):
        table.add_row(*map(escape, row), end_section=position + 1 < len(rows) and rows[position + 1][0] == _OWN)
    return table


def _rows(sharing: Sharing) -> Iterator[list[str]]:
    imports = Part(times=1, runs=sharing.batched, spent=sharing.imports, alone=sharing.imports_alone)
    yield ["imports", *_cells(imports)]
    parts = list(sharing.first.walk())
    for depth, part in parts[:_MAX_ROWS]:
        place = f" ({part.place})" if part.file else ""  # nobody needs to know where installed code was
        yield [f"{'  ' * depth}until {part.path}{place}", *_cells(part)]
    if rest := parts[_MAX_ROWS:]:
        yield [f"{len(rest)} more", *_cells(_sum([part for _, part in rest]))]
    own = Part(times=sharing.batched, runs=sharing.batched, spent=sharing.own, alone=sharing.own)
    yield [_OWN, *_cells(own)]
    if sharing.alone:
        alone = sharing.by_themselves
        yield ["runs alone", *_cells(Part(times=sharing.alone, runs=sharing.alone, spent=alone, alone=alone))]
    if sharing.given_up.cpu_seconds:
        yield ["given up", "", "", "", _seconds(sharing.given_up.cpu_seconds), ""]


def _cells(part: Part) -> list[str]:
    spent, times = part.spent.cpu_seconds, part.times
    each = f"{part.runs / times:.3g}"
    return [f"{times:,}", each, _seconds(spent / times), _seconds(spent), _seconds(part.alone.cpu_seconds)]


def _sum(parts: list[Part]) -> Part:
    whole = Part()
    for part in parts:
        whole.times += part.times
        whole.runs += part.runs
        whole.spent += part.spent
        whole.alone += part.alone
    return whole


def _more(search: SearchDirectory, sharing: Sharing) -> list[str]:
    """The runs that are not counted, why runs were run alone, and what nobody has read."""
    lines = []
    if sharing.unknown:
        lines.append(f"Not counted: {sharing.unknown:,} that have not ended, or do not say what they took")
    if sharing.reused:
        lines.append(f"Not counted: {sharing.reused:,} with the result of another search")
    return [*lines, *_reasons(sharing), *_unread(search, sharing)]


def _reasons(sharing: Sharing) -> list[str]:
    """Why runs were run alone."""
    if not sharing.reasons:
        return []
    lines = ["[bold]Not shared"]
    for reason, count in sharing.reasons.most_common(_MAX_SENTENCES):
        lines.append(_item(f"{f'{count:,} runs: ' if count > 1 else '1 run: ' if count else ''}{reason}"))
    if len(sharing.reasons) > _MAX_SENTENCES:
        lines.append(f"  … {len(sharing.reasons) - _MAX_SENTENCES:,} more reasons, in sharing.jsonl")
    return lines


def _unread(search: SearchDirectory, sharing: Sharing) -> list[str]:
    """The parameters that no run has read; nothing is said while some have not ended."""
    parameters = search.facts().get("parameters") or {}
    inside = [path for path in parameters if any(f"{path}.".startswith(f"{read}.") for read in sharing.unread)]
    if not inside or sharing.unknown:
        return []
    was, its, it = ("was", "its", "it") if len(inside) == 1 else ("were", "their", "them")
    sentence = (
        f"{_listed(inside)} {was} never read: {its} values make no difference; leave {it} out, or let the trainer"
    )
    return [f"[yellow]{escape(f'{sentence} read {it}')}"]


def _plain(markup: str) -> str:
    return Text.from_markup(markup).plain.strip()


def _item(sentence: str) -> str:
    return escape(f"  {sentence}")


def _advice(sharing: Sharing) -> tuple[list[str], list[str]]:
    """What to read later, and where; and what may be read later, for all that can be seen."""
    early: list[str] = []
    maybe: list[str] = []
    for read in sharing.early_reads():
        uses = [(part.path, line) for part in read.parts if (line := part.first_use)]
        if uses:
            early.append(f"{_cost(read)}. {_where(uses, alone=len(read.parts) == 1)}")
        elif not any(part.is_question for part in read.parts):
            maybe.append(f"{_cost(read)}, as far as it does not depend on that.")
    return early[:_MAX_SENTENCES], maybe[:_MAX_SENTENCES]


def _cost(read: EarlyRead) -> str:
    """What was read, and what that may have cost."""
    reads = [_what(part) for part in read.parts[:_MAX_SENTENCES]]
    if more := len(read.parts) - len(reads):
        reads.append(f"{more} more")
    again, each = read.ways - read.times, _seconds(read.each.cpu_seconds)
    cost = f"{_seconds(read.loss.cpu_seconds)} s of CPU, {_seconds(read.loss.seconds)} s by the clock"
    return (
        f"{_listed(reads)}, and what came after ran {read.ways:,} times, {each} s of CPU each:"
        f" up to {again:,} × {each} s ({cost}) could be shared"
    )


def _what(part: Part) -> str:
    """What made processes split."""
    did = f"{part.path} came" if part.path.startswith(_WRITING) else f"{part.path} was read"
    return f"{did} at {part.place}"


def _where(uses: Sequence[tuple[str, int]], *, alone: bool) -> str:
    """Where to read instead."""
    if alone:
        return f"It is first used at line {uses[0][1]}: read it there."
    lines = _listed([f"{path} at line {line}" for path, line in uses])
    return f"First used are {lines}: read them there." if len(uses) > 1 else f"First used is {lines}: read it there."


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def _seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
