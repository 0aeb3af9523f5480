#!/bin/bash
# steps.sh KERNEL: what runs in a guest. Every step says whether it passed and how long it took.
# The file $settings, which run.sh writes, says where things are.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
kernel=$1
# shellcheck source=/dev/null
. "$settings"
log=/dev/shm/log
node=/dev/isocl0

# step NAME SECONDS COMMAND...: the time is that of a machine with nothing else to do, which is not
# always to be had; what takes eight times as long hangs.
step() {
    local name=$1 seconds=$2 began tenths status
    shift 2
    began=$(date +%s%N)
    if [ "$(type -t "$1")" = function ]; then
        "$@" > $log 2>&1
    else
        timeout $((seconds * 8)) "$@" > $log 2>&1
    fi
    status=$?
    tenths=$((($(date +%s%N) - began) / 100000000))
    if [ $status = 0 ]; then
        printf 'STEP ok   %3d.%d s  %s: %s\n' $((tenths / 10)) $((tenths % 10)) "$kernel" "$name"
    else
        printf 'STEP FAIL %3d.%d s  %s: %s (status %d)\n' $((tenths / 10)) $((tenths % 10)) "$kernel" "$name" $status
        tail -n 60 $log | sed 's/^/    /'
    fi
}

load() {
    insmod /isocl.ko "$@"
}

# What the specification says of SVM. Under emulation all of it takes minutes, so each group runs on
# one of the devices: what makes the module work hardest where every memory error of it is found,
# addresses where they are narrow, and all else on the device that reaches the whole process.
groups_of_memory=' allocation alignment free enqueue-free-order enqueue-free-callback guard limits
    fork-and-exit enqueue-map enqueue-unmap enqueue-migrate enqueue-memcpy enqueue-memfill
    coarse-grained-rules devices '
groups_of_addresses=' address-identity enqueue-free buffers-over-svm sub-buffers '
other_groups() {
    "$conformance" --list | sed -n 's/^\([a-z-]*\): .*/\1/p' | while read -r group; do
        [[ $groups_of_memory$groups_of_addresses =~ [[:space:]]$group[[:space:]] ]] || echo "$group"
    done
}

# conformance_step TITLE GROUP...; with ISOCL_CONFORMANCE=all, every group.
conformance_step() {
    local title=$1 group arguments=()
    shift
    [ "$ISOCL_CONFORMANCE" = all ] || for group in "$@"; do arguments+=(--group "$group"); done
    step "$title, isocl-conformance" 150 "$conformance" --device $node --time-limit 200 "${arguments[@]}"
}

# What is still there when the module goes is in the kernel's log, and found at the end.
unload() {
    rmmod isocl
}

# One group of the module's own tests, on a module with the parameters it asks for.
module_group() {
    local group=$1 status
    shift
    load "$@" || return
    timeout 800 "$module_tests" "$group"
    status=$?
    unload && return $status
}

module_tests_of_all_groups() {
    "$module_tests" --list | while IFS=$'\t' read -r group parameters; do
        # Random calls are most worth where every memory error is found.
        [ "$group" = fuzz ] && [ -z "$slab_debugging" ] && continue
        # A million objects are created fast only where none is looked at twice.
        [ "$group" = handles ] && [ -n "$slab_debugging" ] && continue
        # shellcheck disable=SC2086
        step "module, $group ($parameters)" 100 module_group "$group" $parameters
    done
}

# The OpenCL driver, as a program finds it through the loader.
opencl_steps() {
    local title=$1
    shift
    # The user's own cache is not the guest's business.
    export OCL_ICD_VENDORS=$vendors ISOCL_TEST_NODE=$node ISOCL_CACHE=/dev/shm/isocl
    step "$title, clinfo" 30 clinfo
    step "$title, SVM on the kernel driver" 60 "$test_kernel_driver" --include-ignored --test-threads=2
    for check in "$@"; do
        local binary=test_$check
        step "$title, $check" 100 "${!binary}" --test-threads=2
    done
}

oops_in() {
    grep -E 'BUG|Oops|WARNING|Call Trace|general protection|isocl: left behind|Bad page|=====' "$1"
}

no_oops() {
    dmesg > /dev/shm/dmesg
    ! oops_in /dev/shm/dmesg
}

module_tests_of_all_groups

load reserved=4000000000-5000000000,c000000000-c100000000
[ -n "$slab_debugging" ] || step 'kernel-iface, unit tests' 60 "$kernel_iface_unit" --test-threads=2
step 'kernel-iface on the module' 60 env ISOCL_TEST_DEVICE=$node "$kernel_iface_device" --ignored --test-threads=2
step 'kernel-iface on vgem' 60 env ISOCL_TEST_DEVICE=/dev/dri/card0 "$kernel_iface_device" --ignored --test-threads=2
opencl_steps '40 bits' svm_alloc svm_free svm_commands svm_kernel svm_buffer ${slab_debugging:+address}
groups=$groups_of_addresses
[ -n "$slab_debugging" ] && groups=$groups_of_memory
# shellcheck disable=SC2086
conformance_step '40 bits' $groups
for example in device_info svm_linked_list svm_search_tree svm_kernel_built_tree svm_atomics; do
    step "40 bits, example $example" 60 "$examples/$example"
done
step 'unloading' 10 unload

# A device that reaches the whole process: system SVM.
load address_bits=48
step 'kernel-iface on the module, 48 bits' 60 env ISOCL_TEST_DEVICE=$node "$kernel_iface_device" --ignored --test-threads=2
if [ -z "$slab_debugging" ]; then
    opencl_steps '48 bits' svm_alloc svm_commands svm_kernel
fi
if [ -z "$slab_debugging" ] || [ "$ISOCL_CONFORMANCE" = all ]; then
    # shellcheck disable=SC2046
    conformance_step '48 bits' $(other_groups)
fi
step 'unloading' 10 unload

step 'nothing in the kernel log' 10 no_oops
echo 'STEP end'
