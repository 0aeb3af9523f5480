#!/bin/bash
# run.sh TARGET: tests the kernel driver in guests: Debian 12's kernel, with slab debugging, and the
# newer one of its backports, side by side. TARGET is cargo's folder; downloads and logs stay below it.
# ISOCL_FUZZ_CALLS and ISOCL_FUZZ_SEED, for the random calls, are passed on; ISOCL_CONFORMANCE=all has
# every group of isocl-conformance run on every device, which takes many minutes.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
checkout=$(realpath "$here/../..")
mkdir -p "$1/guest/log"
target=$(realpath "$1")
guest=$target/guest
began=$SECONDS

declare -A suite=([debian]=bookworm [backports]=bookworm-backports)
declare -A parameters=([debian]='slub_debug=FZPU slab_debugging=1' [backports]='')

say() { printf '    %3d s  %s\n' $((SECONDS - began)) "$*"; }

say 'kernels (downloaded once)'
for kernel in debian backports; do
    "$here/kernel.sh" "${suite[$kernel]}" "$guest/$kernel"
done
say "kernel module for $(cat "$guest/debian/version") and $(cat "$guest/backports/version")"
for kernel in debian backports; do
    "$here/module.sh" "$guest/$kernel"
    "$here/initramfs.sh" "$guest/$kernel"
done
say 'test programs'
make -s -C "$here/../module/tests" OUT="$guest/module-tests"
cd "$checkout"
cargo build -q --workspace
built=$(cargo test --no-run -p isocl-kernel-iface -p isocl-conformance 2>&1) || { echo "$built"; exit 1; }
# executable NAME: the program that cargo built, by the beginning of its file's name.
executable() {
    realpath "$(sed -n "s|.*Executable .* (\(.*/$1-[0-9a-f]*\))|\1|p" <<< "$built" | head -1)"
}
settings=$guest/settings
{
    echo "module_tests=$guest/module-tests/isocl-module-test"
    echo "kernel_iface_unit=$(executable isocl_kernel_iface)"
    echo "kernel_iface_device=$(executable device)"
    for check in kernel_driver svm_alloc svm_free svm_commands svm_kernel svm_buffer address; do
        echo "test_$check=$(executable "$check")"
    done
    echo "conformance=$target/debug/isocl-conformance"
    echo "vendors=$target/vendors/debug"
    echo "examples=$target/debug"
} > "$settings"

say 'guests (under emulation, so everything takes long)'
: > "$guest/log/debian.log"
: > "$guest/log/backports.log"
boot() {
    # shellcheck disable=SC2086
    "$here/boot.sh" "$guest/$1" 1800 kernel="$1" steps="$here/steps.sh" settings="$settings" \
        ${parameters[$1]} ${ISOCL_FUZZ_CALLS:+ISOCL_FUZZ_CALLS=$ISOCL_FUZZ_CALLS} \
        ${ISOCL_FUZZ_SEED:+ISOCL_FUZZ_SEED=$ISOCL_FUZZ_SEED} \
        ${ISOCL_CONFORMANCE:+ISOCL_CONFORMANCE=$ISOCL_CONFORMANCE} >> "$guest/log/$1.log" 2>&1
}
{ boot debian & boot backports & wait; } &
tail -q -n +1 -f --pid=$! "$guest/log/debian.log" "$guest/log/backports.log" 2> /dev/null |
    grep -a --line-buffered -E '^(STEP (ok|FAIL)|GUEST)' || true
wait

passed=0 failed=0
for kernel in debian backports; do
    log=$guest/log/$kernel.log
    passed=$((passed + $(grep -a -c '^STEP ok' "$log" || true)))
    failed=$((failed + $(grep -a -c '^STEP FAIL' "$log" || true)))
    # Where something failed, what it said.
    awk '/^STEP /{ failed = /^STEP FAIL/ } failed' "$log"
    if ! grep -a -q '^STEP end' "$log"; then
        echo "the guest with kernel $kernel did not come to its end; its last words:"
        tail -n 30 "$log"
        failed=$((failed + 1))
    fi
done
say "done; logs in $guest/log"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
