"""metal.py LIST: parses MSL as C++ by clang, with the small header of Metal's in the folder metal.

The list and what is printed are those of hlsl.c; entry points and profiles don't matter.
"""

import sys
import time
from pathlib import Path

from clang.cindex import Diagnostic, Index

HEADERS = Path(__file__).parent / "metal"
OPTIONS = ["-x", "c++", "-std=c++14", "-Xclang", "-cl-single-precision-constant", f"-isystem{HEADERS}", "-Wall",
           "-Wno-unknown-attributes", "-Wno-unused", "-Wno-parentheses-equality"]


def main():
    index = Index.create()
    for number, line in enumerate(Path(sys.argv[1]).read_text().splitlines()):
        began = time.process_time()
        found = index.parse(line.split("\t")[0], args=OPTIONS).diagnostics
        status = int(any(message.severity >= Diagnostic.Error for message in found))
        message = "\x1f".join(f"{message.location.line}: {message.spelling}" for message in found)
        print(number, f"{time.process_time() - began:.3f}", status, message, sep="\t", flush=True)


main()
