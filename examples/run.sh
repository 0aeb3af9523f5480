#!/usr/bin/env bash
# run.sh BINARIES OUTPUT: runs every example on the driver that the loader finds, stops at the
# first failure, and leaves the picture in OUTPUT.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binaries=$1
output=$2
mkdir -p "$output"
"$binaries/device_info"
"$binaries/svm_linked_list"
"$binaries/svm_search_tree"
"$binaries/svm_kernel_built_tree"
"$binaries/svm_atomics"
"${CC:-cc}" -O1 -Wall -Werror -o "$output/svm_c" "$here/svm_c/svm_c.c" -lOpenCL
"$output/svm_c"
"${ISOCL_PYTHON:-python3}" "$here/svm_pyopencl/svm_pyopencl.py"
"$binaries/mandelbrot" "$output/mandelbrot.png"
