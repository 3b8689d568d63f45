"""Writes a filter of system calls as the kernel takes it, by libseccomp, which systemd uses too.

Standard input: one JSON object with `calls`, the names that are allowed, and `families`, the numbers of
the address families that socket() may be called with. Everything else fails with EPERM. Names that this
processor does not have are passed over, as systemd does.
"""
import ctypes
import errno
import json
import sys

ACTION_ERRNO = 0x00050000
ACTION_ALLOW = 0x7FFF0000
COMPARE_EQUAL = 4


class Comparison(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("datum_a", ctypes.c_uint64), ("datum_b", ctypes.c_uint64)]


library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
library.seccomp_init.argtypes = [ctypes.c_uint32]
library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
library.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Comparison)]
library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]

wanted = json.load(sys.stdin)
context = library.seccomp_init(ACTION_ERRNO | errno.EPERM)
allowed = 0


def allow(number, comparisons=()):
    array = (Comparison * len(comparisons))(*comparisons)
    failure = library.seccomp_rule_add_array(context, ACTION_ALLOW, number, len(array), array)
    if failure != 0:
        sys.exit(f"system call {number} cannot be allowed: {failure}")


for name in wanted["calls"]:
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number < 0:
        continue
    allowed += 1
    if name == "socket":
        for family in wanted["families"]:
            allow(number, [Comparison(0, COMPARE_EQUAL, family, 0)])
    else:
        allow(number)
if allowed < 100:
    sys.exit(f"only {allowed} system calls are known here")
if library.seccomp_export_bpf(context, 1) != 0:
    sys.exit("the filter cannot be written")
