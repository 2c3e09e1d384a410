"""A process definition as a picture: a Mermaid flow chart with one lane for each role."""

from collections.abc import Iterator

from chassis.process.definition import Definition, Step


def to_mermaid(definition: Definition) -> str:
    """Draw a definition as Mermaid text.

    Shape: one subgraph for each role in the order of its first step; a decision is a diamond, a
        dormant step has a dashed border, a solid arrow is a wait and a dotted one a reopening.
    """
    lines = ["flowchart LR", "  classDef dormant stroke-dasharray: 5 5"]
    for index, (lane, steps) in enumerate(_lanes(definition).items()):
        lines.append(f'  subgraph lane{index}["{lane}"]')
        lines += [f"    {_box(step)}" for step in steps]
        lines.append("  end")
    for step in definition.steps:
        lines += [f"  {line}" for line in _arrows(step)]
    return "\n".join(lines) + "\n"


def _lanes(definition: Definition) -> dict[str, list[Step]]:
    lanes: dict[str, list[Step]] = {}
    for step in definition.steps:
        lanes.setdefault(step.role or str(step.role_from), []).append(step)
    return lanes


def _box(step: Step) -> str:
    each = f"<br/>× {step.each}" if step.each else ""
    label = _escaped(f"{step.number} {step.name_en}<br/>{step.name_zh}{each}")
    before, behind = ("{", "}") if step.answers else ("[", "]")
    mark = ":::dormant" if step.dormant else ""
    return f'step{step.number}{before}"{label}"{behind}{mark}'


def _arrows(step: Step) -> Iterator[str]:
    for wait in step.after:
        label = f"|{wait.answer}|" if wait.answer else ""
        yield f"step{wait.step} -->{label} step{step.number}"
    for answer in step.answers:
        for number in answer.reopens:
            yield f"step{step.number} -.->|{answer.name}| step{number}"


def _escaped(text: str) -> str:
    return text.replace('"', "#quot;")
