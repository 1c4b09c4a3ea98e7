"""What holds for all tests."""

import os
import signal

import hypothesis
import pytest

# A shell that starts something in the background makes it ignore Ctrl-C, and so all that it starts. Tests that send
# Ctrl-C to a command of ours must not depend on how they were started themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# how long an example takes depends on what else the machine does: a property must not fail by that
hypothesis.settings.register_profile("without_a_clock", deadline=None)
hypothesis.settings.load_profile("without_a_clock")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Say what `-n auto` is: one more than processors, for sound, serial lines and timeouts are waited for."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every property as many examples as HYPOTHESIS_EXAMPLES says: once in a while 2,000, see CONTRIBUTING.md."""
    wanted = os.environ.get("HYPOTHESIS_EXAMPLES")
    if wanted is None:
        return
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if hypothesis.is_hypothesis_test(test) and own is not None:
            more = hypothesis.settings(own, max_examples=int(wanted), derandomize=False)
            test._hypothesis_internal_use_settings = more  # type: ignore[union-attr]
