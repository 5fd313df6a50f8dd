"""The filter of system calls, run here step by step as the kernel would; the sandbox's tests run it for real."""

import struct

import pytest

from course.classroom.sandbox.seccomp import (
    ALLOW,
    CALLS,
    KILL,
    OTHER_ABI,
    REFUSE,
    program,
)


def verdict(steps, architecture, number):
    """What the program says to a call."""
    place, loaded = 0, None
    while True:
        code, yes, no, value = steps[place]
        place += 1
        if code == 0x06:
            return value
        if code == 0x20:
            loaded = {0: number, 4: architecture}[value]
        else:
            place += yes if (loaded == value if code == 0x15 else loaded >= value) else no


@pytest.mark.parametrize("machine", CALLS)
def test_listed_calls_are_refused_others_pass_and_another_architecture_ends(machine):
    steps = list(struct.iter_unpack("<HBBI", program(machine)))
    audit, calls = CALLS[machine]
    for number in range(600):
        assert verdict(steps, audit, number) == (REFUSE if number in calls.values() else ALLOW)
    assert verdict(steps, audit, OTHER_ABI + 1) == REFUSE
    assert verdict(steps, audit + 1, 0) == KILL


def test_a_machine_that_is_not_listed_has_no_filter():
    assert program("riscv64") == b""
