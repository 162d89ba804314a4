"""Scripts on one line, and what came of them in a few words: what most tests of the core are written in."""

from __future__ import annotations

from cowlab import IDEAL, POLICIES, Finding, Policy, Trace, World, play

ROWS = tuple(POLICIES)  # the names of the fifteen rows
ALL = (*POLICIES.values(), IDEAL)


def script(line: str) -> str:
    """'P: write A; P: read' as a script of two lines."""
    return "\n".join(event.strip() for event in line.split(";"))


def played(line: str, policy: Policy | str = "v6.5") -> Trace:
    return play(script(line), policy)


def outcomes(line: str, policy: Policy | str = "v6.5") -> str:
    """The outcome of every event: 'fault share copy'."""
    return " ".join(moment.outcome for moment in played(line, policy).steps)


def last(line: str, policy: Policy | str = "v6.5") -> str:
    """The outcome of the last event."""
    return played(line, policy).moments[-1].outcome


def world(line: str, policy: Policy | str = "v6.5") -> World:
    """The World after the last event."""
    return played(line, policy).moments[-1].world


def readings(line: str, policy: Policy | str = "v6.5") -> str:
    """What every `read` gave, and in brackets what the ideal says: 'P=A[A] g=S[A]'."""
    return " ".join(f"{r.who}={r.value}[{r.ideal}]" for r in played(line, policy).readings)


def findings(line: str, policy: Policy | str = "v6.5") -> list[str]:
    """Everything that is wrong: line, law, kind, who, and what they saw instead of what."""
    return [f"{number} {words(finding)}" for number, finding in played(line, policy).violations]


def words(finding: Finding) -> str:
    saw = f" {finding.saw.letter}" if finding.saw else ""
    should = f" not {finding.should.letter}" if finding.should else ""
    return f"{finding.law} {finding.kind} {finding.who}{saw}{should}"


def by_policy(default: str, *others: str) -> dict[str, str]:
    """One answer a row: by_policy("copy", "reuse: v5.7 v5.8") is reuse in these two and copy in the others."""
    found = dict.fromkeys(ROWS, default)
    for other in others:
        answer, _, names = other.partition(": ")
        assert set(names.split()) <= set(ROWS), names
        found |= dict.fromkeys(names.split(), answer)
    return found
