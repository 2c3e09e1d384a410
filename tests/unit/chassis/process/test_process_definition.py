from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chassis.process.definition import Deadline, DefinitionInvalid
from chassis.process.errors import DefinitionNotFound
from chassis.process.mermaid import to_mermaid
from chassis.process.source import Definitions, changed, lock_line, parse, restore
from tests.unit.chassis.process.examples import definition, loop, step, text


def test_a_file_becomes_a_definition_with_its_steps_in_order() -> None:
    found = definition(step(2, after="[1]"), step(1))

    assert [each.number for each in found.order] == [1, 2]
    assert [each.number for each in found.steps] == [2, 1]


def test_ties_in_the_order_stand_as_in_the_file() -> None:
    found = definition(step(3), step(9, after="[3]"), step(1), step(2, after="[1]"))

    assert [each.number for each in found.order] == [3, 9, 1, 2]


def test_the_canonical_content_gives_the_same_definition() -> None:
    found = loop()

    assert restore(found.content) == found


def test_comments_and_layout_do_not_change_the_hash() -> None:
    plain = text(step(1))

    assert parse("# why\n\n" + plain).hash == parse(plain).hash


def test_a_changed_step_changes_the_hash() -> None:
    assert definition(step(1)).hash != definition(step(1, role='"writer"')).hash


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "there is no step"),
        ([step(1), step(1)], "step 1 is there twice"),
        ([step(1, after="[4]")], "step 1 names step 4 in `after`, which does not exist"),
        ([step(1, after="[1]")], "wait for each other"),
        ([step(1, after="[2]"), step(2, after="[1]")], "wait for each other"),
        ([step(1), step(2, after='["1=yes"]')], "step 2 waits for `yes`, no answer of step 1"),
        (
            [step(1), step(2, answers="{ yes = [], no = [1] }")],
            "step 2 names step 1 in `answers.no`, which does not come before it",
        ),
        ([step(1), step(2, not_by="[1]")], "which does not come before it"),
        ([step(1, dormant="true")], "step 1 is dormant, and no answer reopens it"),
        ([step(1, answers="{ yes = [] }")], "a decision needs two or more"),
        ([step(1, role_from='"authority"', role='"planner"')], "either `role` or `role_from`"),
        ([step(1, role_from='"fortune"')], 'can have `role_from = "authority"` only'),
        (
            [step(1, answers="{ yes = [], no = [] }", milestone='"DONE"')],
            "each answer names its milestone itself",
        ),
        (
            [
                step(1),
                step(2, after="[1]", answers='{ y = [], n = { reopens=[1], milestone="N" } }'),
            ],
            "undoes the step itself",
        ),
        ([step(1, colour='"red"')], "step 1: unknown field `colour`"),
        ([step(1, deadline="{ day = 32 }")], "`deadline.day` must be 1 to 31"),
        ([step(1, deadline="{ month = 3 }")], "either `within_days`, or `day`"),
        ([step(1, after='["x"]')], "`after` holds 'x'"),
        ([step(1, rpc='"Approve"')], "`rpc` must be a full method name"),
        ([step(1, milestone='"done"')], "`milestone` is 'done'"),
        ([step(1, dormant='"yes"')], "`dormant` must be true or false"),
    ],
)
def test_a_definition_that_contradicts_itself_is_refused_with_the_problem(
    steps: list[str], problem: str
) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        definition(*steps)

    assert problem in str(refused.value)


def test_a_cycle_is_refused_with_its_path() -> None:
    with pytest.raises(DefinitionInvalid, match=r"3 → 2 → 1 → 3|1 → 3 → 2 → 1|2 → 1 → 3 → 2"):
        definition(step(1, after="[3]"), step(2, after="[1]"), step(3, after="[2]"))


def test_unit_keys_name_a_kind_that_a_step_repeats_for() -> None:
    with pytest.raises(DefinitionInvalid, match="no step repeats for it"):
        definition(step(1), more='unit_keys = ["office"]')


def test_all_problems_of_a_definition_are_told_at_once() -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        definition(step(1, after="[8]"), step(2, after="[9]"))

    assert len(refused.value.problems) == 2


def test_a_directory_gives_the_newest_version_and_keeps_the_older(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(text(step(1)))
    (tmp_path / "two.toml").write_text(text(step(1), step(2)).replace("version = 1", "version = 2"))

    found = Definitions.load(tmp_path)

    assert found["example"].version == 2
    assert found.find("example", 1).version == 1
    with pytest.raises(DefinitionNotFound):
        found.find("example", 3)


def test_two_files_with_the_same_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(text(step(1)))
    (tmp_path / "two.toml").write_text(text(step(2)))

    with pytest.raises(DefinitionInvalid, match="version 1 is there twice"):
        Definitions.load(tmp_path)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.toml").write_text("name = ")

    with pytest.raises(DefinitionInvalid, match=r"torn\.toml"):
        Definitions.load(tmp_path)


def test_a_published_file_that_changed_needs_a_new_version(tmp_path: Path) -> None:
    published = definition(step(1))
    (tmp_path / "versions.lock").write_text(lock_line(published) + "\n")

    same = changed(Definitions.of([published]), tmp_path)
    other = changed(Definitions.of([definition(step(1), step(2))]), tmp_path)

    assert same == []
    assert other == ["example version 1 was changed; give it a new version"]


def test_an_unpublished_definition_is_told_with_the_line_that_publishes_it(tmp_path: Path) -> None:
    found = definition(step(1))

    assert changed(Definitions.of([found]), tmp_path) == [
        f"add to versions.lock: {lock_line(found)}"
    ]


@pytest.mark.parametrize(
    ("deadline", "anchor", "due"),
    [
        (Deadline(day=10), date(2026, 3, 1), "2026-03-10T16:00:00+00:00"),
        (Deadline(day=31), date(2026, 2, 1), "2026-02-28T16:00:00+00:00"),
        (Deadline(month=11, day=15), date(2026, 10, 8), "2026-11-15T16:00:00+00:00"),
        (Deadline(month=1, day=15), date(2026, 10, 8), "2027-01-15T16:00:00+00:00"),
        (Deadline(month=12, day=31), date(2026, 10, 8), "2026-12-31T16:00:00+00:00"),
    ],
)
def test_a_calendar_deadline_is_the_end_of_its_day(
    deadline: Deadline, anchor: date, due: str
) -> None:
    found = deadline.calendar_time(anchor, ZoneInfo("Asia/Shanghai"))

    assert found is not None
    assert found.isoformat() == due


def test_the_picture_has_a_lane_for_each_role_and_an_arrow_for_each_wait() -> None:
    drawn = to_mermaid(loop())

    assert drawn.startswith("flowchart LR\n")
    assert 'subgraph lane0["planner"]' in drawn
    assert 'step6{"6 step 6<br/>步骤 6"}' in drawn
    assert 'step11["11 step 11<br/>步骤 11"]:::dormant' in drawn
    assert "step6 -->|agree| step7" in drawn
    assert "step6 -.->|disagree| step11" in drawn


def test_the_example_of_the_handbook_is_a_definition() -> None:
    handbook = Path(__file__).parents[4] / "docs" / "process.md"
    example = handbook.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]

    assert [found.number for found in parse(example).order] == [3, 4, 5]
