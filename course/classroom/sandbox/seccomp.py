"""A filter that refuses system calls that no answer needs, written as a program for the kernel (seccomp, classic BPF).

Namespaces do not separate everything. A session's keyrings, for example, are the same in all of them, so that one
submission could leave something there for another to read.
"""

import errno
import platform
import struct

# For each architecture: the number that the kernel's audits give it, and the numbers of the calls. They are from the
# kernel's tables (asm/unistd_64.h, asm-generic/unistd.h).
CALLS = {
    "x86_64": (0xC000003E, {
        "ptrace": 101, "mount": 165, "umount2": 166, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272,
        "perf_event_open": 298, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
        "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    }),
    "aarch64": (0xC00000B7, {
        "umount2": 39, "mount": 40, "unshare": 97, "ptrace": 117, "add_key": 217, "request_key": 218, "keyctl": 219,
        "perf_event_open": 241, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
        "bpf": 280, "userfaultfd": 282, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    }),
}  # fmt: skip
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
NUMBER, ARCHITECTURE = 0, 4  # the bytes where the kernel puts the call's number and the architecture
OTHER_ABI = 0x40000000  # from here on the same calls have numbers once more (x32)


def program(machine: str = platform.machine()) -> bytes:
    """The filter for bubblewrap's `--seccomp`; empty for a machine that is not in `CALLS`."""
    if machine not in CALLS:
        return b""
    audit, calls = CALLS[machine]
    steps = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, audit), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    steps += [(AT_LEAST, 0, 1, OTHER_ABI), (RETURN, 0, 0, REFUSE)]
    for number in calls.values():
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("<HBBI", *step) for step in [*steps, (RETURN, 0, 0, ALLOW)])
