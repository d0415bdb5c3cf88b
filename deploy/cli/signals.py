"""What ends a command that runs services."""

import signal


def leave_on_signals() -> None:
    """Have SIGTERM and SIGHUP do what Ctrl-C does, and Ctrl-C do it also in the background.

    A shell starts background commands with SIGINT ignored. SIGHUP stays ignored where `nohup`
    wants it so.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)
