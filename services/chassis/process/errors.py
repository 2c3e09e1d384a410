"""What can stop a process from being started, read or moved on."""

from collections.abc import Sequence

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Violation,
)


class ProcessNotFound(NotFound):
    """No process has this id."""

    reason = "PROCESS_NOT_FOUND"

    def __init__(self, process_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no process {process_id}", processId=process_id)


class DefinitionNotFound(NotFound):
    """No process definition of this service has this name and version."""

    reason = "PROCESS_NOT_FOUND"

    def __init__(self, name: str, version: int) -> None:
        """Name the definition; version 0 stands for the newest."""
        super().__init__(
            f"there is no definition {name} version {version}", definition=name, version=version
        )


class StepNotFound(NotFound):
    """The process has no such step, or the step does not repeat for this key."""

    reason = "STEP_NOT_FOUND"

    def __init__(self, process_id: str, step: int, key: str) -> None:
        """Name the step; the key is empty when none was given."""
        super().__init__(
            f"process {process_id} has no step {step} with the key '{key}'",
            processId=process_id,
            step=step,
            key=key,
        )


class ProcessAlreadyStarted(AlreadyExists):
    """The subject has a process already; a subject never has two."""

    reason = "PROCESS_ALREADY_STARTED"

    def __init__(self, subject_kind: str, subject_id: str) -> None:
        """Name the subject."""
        super().__init__(
            f"{subject_kind} {subject_id} has a process already",
            subjectKind=subject_kind,
            subjectId=subject_id,
        )


class ProcessKeysInvalid(FailedPrecondition):
    """The keys given at the start are not those that the steps repeat for."""

    reason = "PROCESS_KEYS_INVALID"

    def __init__(self, definition: str, problem: str) -> None:
        """Name the definition and say what is wrong with the keys."""
        super().__init__(
            f"the keys for {definition} are wrong: {problem}",
            definition=definition,
            problem=problem,
        )


class StepNotOpen(FailedPrecondition):
    """The step waits for others, sleeps, or is done."""

    reason = "STEP_NOT_OPEN"

    def __init__(
        self, process_id: str, step: int, *, key: str, state: str, waits_for: Sequence[int] = ()
    ) -> None:
        """Name the step, the state it is in, and the steps that it still waits for."""
        waits = ", ".join(str(number) for number in waits_for)
        behind = f" for {waits}" if waits else ""
        super().__init__(
            f"step {step} of process {process_id} is {state}{behind}",
            processId=process_id,
            step=step,
            key=key,
            state=state,
            waitsFor=waits,
        )


class StepRoleForbids(PermissionDenied):
    """The step belongs to a role that the caller does not have."""

    reason = "STEP_ROLE_FORBIDS"

    def __init__(self, process_id: str, step: int, *, role: str, subject: str) -> None:
        """Name the role that the step belongs to."""
        super().__init__(
            f"step {step} of process {process_id} belongs to {role}, which {subject} is not",
            processId=process_id,
            step=step,
            role=role,
            subject=subject,
        )


class StepNeedsAnotherPerson(PermissionDenied):
    """The step must be done by somebody else than an earlier one, and the caller did that one."""

    reason = "STEP_NEEDS_ANOTHER_PERSON"

    def __init__(self, step: int, *, subject: str) -> None:
        """Name the step and the person."""
        super().__init__(
            f"step {step} needs another person than {subject}", step=step, subject=subject
        )


class StepAuthorityMissing(FailedPrecondition):
    """Nobody has said yet which role has the authority over this step."""

    reason = "STEP_AUTHORITY_MISSING"

    def __init__(self, process_id: str, step: int) -> None:
        """Name the step."""
        super().__init__(
            f"no role has been assigned to step {step} of process {process_id}",
            processId=process_id,
            step=step,
        )


class StepHasRpc(FailedPrecondition):
    """The step is completed by another RPC than the one that tried."""

    reason = "STEP_HAS_RPC"

    def __init__(self, step: int, rpcs: tuple[str, ...]) -> None:
        """Name the RPCs that complete the step; none means CompleteStep."""
        names = ", ".join(rpcs) or "CompleteStep"
        super().__init__(f"step {step} is completed by {names}", step=step, rpc=names)


class StepAnswerInvalid(InvalidArgument):
    """The answer is not one that the step knows."""

    reason = "STEP_ANSWER_INVALID"

    def __init__(self, step: int, *, answer: str, answers: tuple[str, ...]) -> None:
        """Name the answer that was given, and those that the step knows."""
        known = ", ".join(answers) or "none"
        message = f"step {step} does not know the answer '{answer}'; it knows: {known}"
        super().__init__(
            message,
            violations=[Violation("answer", "process.answer", message)],
            step=step,
            answer=answer,
            allowed=known,
        )
