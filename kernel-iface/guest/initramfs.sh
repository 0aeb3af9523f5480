#!/bin/bash
# initramfs.sh FOLDER: what a guest starts from: busybox, modules in loading order, and init.
set -euo pipefail
folder=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
version=$(cat "$folder/version")
content=$folder/initramfs

rm -rf "$content"
mkdir -p "$content"/{bin,dev,proc,sys,host,write,root,modules}
cp /bin/busybox "$content/bin/"
cp "$here/init" "$content/init"
count=100
for module in virtio_pci 9pnet_virtio 9p overlay vgem; do
    /sbin/modprobe -d "$folder/root" -S "$version" --show-depends "$module" 2>/dev/null |
        sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r path; do
    cp "$path" "$content/modules/$((count++))-$(basename "$path")"
done
cp "$folder/module/isocl.ko" "$content/isocl.ko"
(cd "$content" && find . | cpio -o -H newc --quiet | gzip -1) > "$folder/initramfs.gz"
