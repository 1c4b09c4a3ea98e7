"""What holds for all tests."""

import signal

# A shell that starts something in the background makes it ignore Ctrl-C, and so all that it starts. Tests that send
# Ctrl-C to a command of ours must not depend on how they were started themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
