"""What a class has done, counted: points, statuses, answers that several gave, mistakes that are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import NamedTuple

from cowlab.grading.report.records import BY_HAND, JUDGED, MISSING, OPEN, OUR_FAULT, STOPPED, Record, TaskRecord

BINS = 13  # columns of a chart at most
MANY, FEW = 0.2, 2  # what counts as many of a class, and how many these must be at least


class Answer(NamedTuple):
    """One task of one submission, and whose."""

    record: Record
    task: TaskRecord


class Cluster(NamedTuple):
    """Answers that are equal wherever they were asked."""

    answers: tuple[Answer, ...]

    @property
    def task(self) -> TaskRecord:
        """That of the first: what was judged is the same for all."""
        return self.answers[0].task

    @property
    def mistake(self) -> str:
        return next((answer.task.mistake for answer in self.answers if answer.task.mistake), "")


class Bin(NamedTuple):
    """Points from `low` to below `high` (the last one: exactly all), and how many have them."""

    low: float
    high: float
    many: int


class TaskTally(NamedTuple):
    """One task of the class. first: the task as the first submission has it."""

    first: TaskRecord
    answers: tuple[Answer, ...]

    def of(self, *statuses: str) -> list[Answer]:
        return [answer for answer in self.answers if answer.task.status in statuses]

    @property
    def most(self) -> float:
        return max(answer.task.max for answer in self.answers)

    @property
    def by_hand(self) -> bool:
        """Whether a person reads it."""
        return bool(self.of(BY_HAND))

    @property
    def points(self) -> list[float]:
        """The points of those who answered and were judged."""
        return [answer.task.points for answer in self.of(JUDGED) if answer.task.points is not None]

    @property
    def mean(self) -> float | None:
        """Of all whose points are known, unanswered ones included; None if there are none, or a person has to read first."""
        known = [a.task.points for a in self.answers if a.task.points is not None and not self.by_hand]
        return fmean(known) if known else None

    @property
    def full(self) -> list[Answer]:
        return [answer for answer in self.of(JUDGED) if answer.task.full]

    def wrong(self) -> list[Cluster]:
        """Answers that did not earn everything, the most frequent first; of as frequent ones the worst."""
        groups: dict[str, list[Answer]] = {}
        for answer in self.of(JUDGED):
            if not answer.task.full:
                own = answer.task.answers or f"alone {answer.record.submission}"
                groups.setdefault(own, []).append(answer)
        clusters = [Cluster(tuple(group)) for group in groups.values()]
        return sorted(clusters, key=lambda c: (-len(c.answers), c.task.points or 0, c.task.answers))


class Mistake(NamedTuple):
    """A misconception that is known, and how many have it. of: how many answered that task."""

    says: str
    task: TaskRecord
    many: int
    of: int


class Tally(NamedTuple):
    """A lesson of a class."""

    records: tuple[Record, ...]
    tasks: tuple[TaskTally, ...]

    @property
    def graded(self) -> list[Record]:
        """The submissions that could be read."""
        return [record for record in self.records if record.tasks]

    @property
    def totals(self) -> list[float]:
        return [record.points for record in self.graded if record.points is not None]

    @property
    def most(self) -> float:
        return max((record.max for record in self.records), default=0)

    @property
    def mean(self) -> float:
        return fmean(self.totals) if self.totals else 0

    @property
    def median(self) -> float:
        return median(self.totals) if self.totals else 0

    @property
    def isolations(self) -> list[tuple[str, int]]:
        """Each isolation that was in force, and for how many submissions; where nothing ran there was none."""
        return Counter(record.isolation for record in self.graded).most_common()

    @property
    def errors(self) -> list[Record]:
        """Submissions that could not be read or graded at all."""
        return [record for record in self.records if record.error]

    @property
    def again(self) -> list[Record]:
        """The first submission of each student who has several."""
        many = Counter(record.student for record in self.graded)
        first = {record.student: record for record in reversed(self.graded)}
        return [first[student] for student, count in sorted(many.items()) if count > 1]

    def mistakes(self) -> list[Mistake]:
        """The known misconceptions, the most frequent first."""
        found = [
            Mistake(says, of.first, count, len(of.of(JUDGED)))
            for of in self.tasks
            for says, count in Counter(a.task.mistake for a in of.of(JUDGED) if not a.task.full).items()
            if says
        ]
        return sorted(found, key=lambda mistake: (-mistake.many, mistake.task.task, mistake.says))

    def attention(self) -> list[tuple[TaskTally, str, int]]:
        """Tasks that many left open or whose answers were often stopped, and every fault of ours: which, what, how many."""
        found = []
        for of in self.tasks:
            for what, statuses in (("open", (OPEN, MISSING)), ("stopped", STOPPED), ("ours", (OUR_FAULT,))):
                count = len(of.of(*statuses))
                if count and (what == "ours" or (count >= FEW and count >= MANY * len(of.answers))):
                    found.append((of, what, count))
        return found


def tally(records: Iterable[Record]) -> Tally:
    """Count the submissions of one lesson; those that could not be read are of none."""
    known = tuple(records)
    answers: dict[str, list[Answer]] = {}
    for record in known:
        for task in record.tasks:
            answers.setdefault(task.task, []).append(Answer(record, task))
    return Tally(known, tuple(TaskTally(group[0].task, tuple(group)) for group in answers.values()))


def bins(points: Sequence[float], most: float) -> list[Bin]:
    """The points in columns of equal width, all of them in the last one: halves where somebody has them and there is room."""
    widths = (0.5, 1, 2, 5) if any(value % 1 for value in points) else (1, 2, 5)
    width = next((w for w in widths if most / w < BINS), 0) or most / (BINS - 1)
    steps = max(1, -int(-most // width))
    counts = Counter(steps if value >= most else int(max(value, 0) / width + 1e-9) for value in points)
    return [Bin(k * width, (k + 1) * width, counts[k]) for k in range(steps)] + [Bin(most, most, counts[steps])]
