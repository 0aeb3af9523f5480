#!/bin/bash
# module.sh FOLDER: builds isocl.ko for the kernel in FOLDER, with warnings as errors.
set -euo pipefail
folder=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../module")

mkdir -p "$folder/module"
cp -u -r "$source"/{*.c,*.h,Kbuild,uapi} "$folder/module/"
# Without vmlinux there is no type information to add, which the build remarks upon.
make -s -C "$folder/build" M="$folder/module" KCFLAGS=-Werror modules 2>&1 |
    grep -v -e 'BTF' -e 'the compiler differs' -e 'The kernel was built by' -e 'You are using' || true
[ -e "$folder/module/isocl.ko" ]
