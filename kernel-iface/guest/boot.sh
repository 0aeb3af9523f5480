#!/bin/bash
# boot.sh FOLDER SECONDS [PARAMETER...]: boots the kernel in FOLDER with these kernel parameters,
# without hardware virtualisation; what the guest says goes to standard output. Ends it after SECONDS.
set -euo pipefail
folder=$(realpath "$1")
seconds=$2
shift 2
# Two kernels of the machine: cx16 off because of a fault in older emulators with kernel 6.12.
timeout --foreground "$seconds" qemu-system-x86_64 \
    -accel tcg,thread=multi -cpu max,-cx16 -smp 2 -m 3072 \
    -nographic -vga none -net none -no-reboot \
    -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
    -kernel "$folder/vmlinuz" -initrd "$folder/initramfs.gz" \
    -append "console=ttyS0 quiet panic=-1 oops=panic $*" < /dev/null | sed -u 's/\r//g'
