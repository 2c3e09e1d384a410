"""The page for people says of each step what the definition says."""

from pathlib import Path

from chassis.process.handbook import collect, handbook
from chassis.process.source import parse
from tests.support.requirements import req

TEXT = """
name = "plan"
version = 2
title_en = "Plan"
title_zh = "计划"
initial_state = "DRAFT"
unit_keys = ["office"]

[[step]]
number = 1
name_en = "Draft | write"
name_zh = "编制"
role = "channel_manager"
each = "office"
inputs = ["history", "targets"]
outputs = ["draft"]
deadline = { day = 10 }

[[step]]
number = 2
name_en = "Revise"
name_zh = "修订"
role = "sales_director"
after = [1]
dormant = true

[[step]]
number = 3
name_en = "Decide"
name_zh = "批准"
role_from = "authority"
after = [2]
not_by = [2]
deadline = { within_days = 5 }
rpc = ["mantle.planning.v1.PlanService/ApprovePlan"]
answers = { agree = { milestone = "EFFECTIVE" }, disagree = [2], later = [] }

[[step]]
number = 4
name_en = "Claim"
name_zh = "认领"
role = "finance"
after = ["3=agree"]
deadline = { month = 11, day = 5 }
milestone = "CLAIMED"
"""


def rows() -> list[list[str]]:
    page = handbook([("planning", parse(TEXT))])
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines[2:]]


@req("R-030")
def test_a_row_has_who_does_a_step_who_decides_and_whose_work_it_joins() -> None:
    found = {row[0]: row[2:6] for row in rows()}

    assert found == {
        "1": ["`channel_manager`", "`authority`", "–", "`sales_director`"],
        "2": ["`sales_director`", "`authority`", "`channel_manager`", "`authority`"],
        "3": ["`authority`", "`authority`", "`sales_director`", "`finance`"],
        "4": ["`finance`", "–", "`authority`", "–"],
    }


@req("R-030")
def test_a_row_has_inputs_outputs_deadline_and_rpc() -> None:
    found = [row[6:] for row in rows()]

    assert found == [
        ["history<br/>targets", "draft", "day 10 of the month", "by hand"],
        ["–", "–", "–", "by hand"],
        ["–", "–", "5 days after it opened", "`PlanService/ApprovePlan`"],
        ["–", "–", "11-05", "by hand"],
    ]


def test_what_a_table_cannot_say_stands_below_it() -> None:
    page = handbook([("planning", parse(TEXT))])

    assert [line for line in page.splitlines() if line.startswith("* ")] == [
        "* Step 1 repeats for each office.",
        "* Step 2 counts as done until an answer asks for it.",
        "* Step 3 is done by another person than step 2.",
        "* Step 3 answered *agree* makes the state EFFECTIVE.",
        "* Step 3 answered *disagree* reopens 2.",
        "* Step 3 answered *later* goes on.",
        "* Step 4 done makes the state CLAIMED.",
        "* Step 4 opens when step 3 is answered *agree*.",
    ]
    assert "| 1 | Draft \\| write 编制 |" in page
    assert "```mermaid\nflowchart LR" in page


def test_the_newest_version_of_each_definition_of_each_service_is_written(tmp_path: Path) -> None:
    for service, name, version in (("b", "plan", 2), ("b", "plan", 1), ("a", "run", 1)):
        directory = tmp_path / service / "processes"
        directory.mkdir(parents=True, exist_ok=True)
        text = TEXT.replace('"plan"', f'"{name}"').replace("version = 2", f"version = {version}")
        (directory / f"{name}{version}.toml").write_text(text)

    found = collect(tmp_path)

    assert [(owner, one.name, one.version) for owner, one in found] == [
        ("a", "run", 1),
        ("b", "plan", 2),
    ]
