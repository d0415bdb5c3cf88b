"""Why a command could not do what it was asked.

CommandFailed            exit code 1
├── CodedFailure         1   each has a code of its own
│   ├── Refused          1   the API said no: its code and sentence
│   ├── AttemptFailed    1   the attempt ended without a result: its own code and sentence
│   ├── ComfyRefused     1   a ComfyUI server said no, or a prompt ended without a result
│   ├── CloudSaysNo      1   the GPU cloud said no, or a pod did not become ready
│   └── RefundImpossible 1   there is no such money to give back, or it must not move now
├── PaymentFailed        1   a checkout page took no payment, or its order was not delivered
├── NotConfirmed         2   it may harm work that runs, and --yes was not given
├── FileUnusable         2   a file that was named cannot be read or written
├── NotConnected         2   it is not known which API to talk to, or as whom
└── Unreachable          3   nobody answers at the address
"""

from typing import ClassVar


class CommandFailed(Exception):
    """A failure with a stable code and an exit code; its text is the sentence to show."""

    code: str = "failed"
    exit_code: ClassVar[int] = 1


class CodedFailure(CommandFailed):
    """A failure whose code is told with it."""

    def __init__(self, code: str, message: str) -> None:
        """Say what happened.

        Args:
            code: its stable code.
            message: its sentence; further lines may follow.
        """
        super().__init__(message)
        self.code = code


class Refused(CodedFailure):
    """The API said no."""

    def __init__(self, code: str, message: str, *, status: int, retryable: bool = False) -> None:
        """Take over what the API's problem document says.

        Args:
            code: its stable code.
            message: its sentence.
            status: HTTP status.
            retryable: whether the same request may succeed later.
        """
        super().__init__(code, message)
        self.status = status
        self.retryable = retryable


class AttemptFailed(CodedFailure):
    """The attempt ended without a result."""


class PaymentFailed(CommandFailed):
    """A checkout page took no payment, or what was paid for was not delivered."""

    code = "payment_failed"


class ComfyRefused(CodedFailure):
    """A ComfyUI server said no, or a prompt ended without a result."""


class CloudSaysNo(CodedFailure):
    """The GPU cloud said no, or a pod did not become ready."""


class RefundImpossible(CodedFailure):
    """There is no such money to give back, or it must not move now."""


class NotConfirmed(CommandFailed):
    """It may harm work that runs, and --yes was not given."""

    code = "not_confirmed"
    exit_code = 2


class FileUnusable(CommandFailed):
    """A file that was named cannot be read or written."""

    code = "file_unusable"
    exit_code = 2


class NotConnected(CommandFailed):
    """It is not known which API to talk to, or as whom."""

    code = "not_connected"
    exit_code = 2


class Unreachable(CommandFailed):
    """Nobody answers at the address."""

    code = "unreachable"
    exit_code = 3
