"""dxc.py LIBRARY LIST: compiles HLSL with a libdxcompiler.so as wgpu-hal 30 does with dxcompiler.dll.

The list and what is printed are those of hlsl.c.
"""

import ctypes as c
import sys
import time
import uuid
from pathlib import Path

DXC_COMPILER = "73e22d93-e6ce-47f3-b5bf-f0664f39c1b0"
COMPILER_3 = "228b4687-5a6a-4730-900c-9702b2203f54"
RESULT = "58346cda-dde7-4497-9461-6f87af5e0659"
BLOB_UTF8 = "3da636c9-ba71-4024-a301-30cbf125305b"
UTF8 = 65001
ERRORS = 2  # DXC_OUT_ERRORS


def guid(text):
    return c.create_string_buffer(uuid.UUID(text).bytes_le, 16)


class Source(c.Structure):
    _fields_ = [("text", c.c_char_p), ("bytes", c.c_size_t), ("encoding", c.c_uint32)]


def call(interface, method, *arguments, result=c.c_int32):
    """Calls a method by its number. IUnknown has a virtual destructor here, which takes two numbers."""
    method += 2 if method > 2 else 0
    table = c.cast(interface, c.POINTER(c.POINTER(c.c_void_p)))[0]
    types = [type(argument) for argument in arguments]
    return c.CFUNCTYPE(result, c.c_void_p, *types)(table[method])(interface, *arguments)


def pointer(thing):
    return c.cast(c.pointer(thing), c.c_void_p)


def compile_text(compiler, text, arguments):
    """Returns an error code, 0 if there is none, and the messages."""
    source = Source(text, len(text), UTF8)
    wide = (c.c_wchar_p * len(arguments))(*arguments)
    result, errors, status = c.c_void_p(), c.c_void_p(), c.c_int32()
    failed = call(compiler, 3, pointer(source), pointer(wide), c.c_uint32(len(arguments)), c.c_void_p(),
                  pointer(guid(RESULT)), pointer(result))
    if failed:
        return failed, ""
    call(result, 3, pointer(status))
    call(result, 7, c.c_uint32(ERRORS), pointer(guid(BLOB_UTF8)), pointer(errors), c.c_void_p())
    message = ""
    if errors:
        message = c.string_at(call(errors, 3, result=c.c_void_p)).decode()
        call(errors, 2, result=c.c_uint32)
    call(result, 2, result=c.c_uint32)
    return status.value, message


def main():
    library, jobs = sys.argv[1:]
    compiler = c.c_void_p()
    failed = c.CDLL(library).DxcCreateInstance(guid(DXC_COMPILER), guid(COMPILER_3), c.byref(compiler))
    assert not failed, hex(failed)
    for number, line in enumerate(Path(jobs).read_text().splitlines()):
        file, entry, profile, name = line.split("\t")
        text = Path(file).read_bytes()
        # With -Wall where wgpu has -no-warnings.
        arguments = [name, "-E", entry, "-T", profile, "-HV", "2018", "-Wall", "-Ges"]
        began = time.process_time()
        status, message = compile_text(compiler, text, arguments)
        message = message.rstrip("\0\n").replace("\n", "\x1f")
        print(number, f"{time.process_time() - began:.3f}", f"{status & 0xFFFFFFFF:x}", message, sep="\t", flush=True)


main()
