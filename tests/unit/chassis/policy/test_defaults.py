"""Files of default policies are exact and complete, or the service does not start."""

from datetime import date
from pathlib import Path

import pytest

from chassis.period import DateRange, PeriodInvalid
from chassis.policy.defaults import PolicyFileInvalid, read_drafts
from chassis.policy.domain import Draft

CONTACT = """
kind = "contact"
start = 2026-01-01
summary = "How often and when somebody may be contacted"

[parameters]
outbound_max = 2
window_days = 7
quiet_from = 21:00:00
share = "0.30"
tiers = [{ from_minor = 0, rate = "0" }]

[conditions]
may_contact = "contacts < 2"
"""


def write(directory: Path, text: str, name: str = "contact.toml") -> Path:
    (directory / name).write_text(text, encoding="utf-8")
    return directory


def test_a_file_is_one_policy_that_counts_as_assumed(tmp_path: Path) -> None:
    drafts = read_drafts(write(tmp_path, CONTACT))

    assert drafts == [
        Draft(
            kind="contact",
            scope="",
            valid=DateRange(date(2026, 1, 1)),
            parameters={
                "outbound_max": 2,
                "window_days": 7,
                "quiet_from": "21:00",
                "share": "0.30",
                "tiers": [{"from_minor": 0, "rate": "0"}],
            },
            conditions={"may_contact": "contacts < 2"},
            summary="How often and when somebody may be contacted",
            assumed=True,
        )
    ]


def test_a_scope_and_an_end_can_be_given(tmp_path: Path) -> None:
    text = 'kind = "a"\nscope = "unit:s"\nstart = 2026-01-01\nend = 2027-01-01\nassumed = false\n'

    (draft,) = read_drafts(write(tmp_path, text))

    assert draft.scope == "unit:s"
    assert draft.valid == DateRange(date(2026, 1, 1), date(2027, 1, 1))
    assert not draft.assumed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind = ", "Invalid value"),
        ('kind = "a"', "start is missing"),
        ("start = 2026-01-01", "kind is missing"),
        ('kind = "a"\nstart = "2026-01-01"', "start is no key"),
        ('kind = "a"\nstart = 2026-01-01T00:00:00Z', "start is no key"),
        ('kind = "a"\nstart = 2026-01-01\nuntil = 2027-01-01', "until is no key"),
        ('kind = "a"\nstart = 2026-01-01\n[parameters]\nx = 0.3', 'write a decimal .* "0.3"'),
        ('kind = "a"\nstart = 2026-01-01\n[parameters]\nx = [{y = 1e2}]', r"x\[0\]\.y is 1E"),
        ('kind = "a"\nstart = 2026-01-01\n[parameters]\nx = inf', "x is Infinity"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(PolicyFileInvalid, match=f"contact.toml: .*{problem}"):
        read_drafts(write(tmp_path, text))


def test_a_file_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    text = 'kind = "a"\nstart = 2026-01-01\nend = 2026-01-01\n'

    with pytest.raises(PeriodInvalid):
        read_drafts(write(tmp_path, text))
