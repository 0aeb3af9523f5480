#!/bin/bash
# kernel.sh SUITE FOLDER: puts the current kernel of a Debian suite into FOLDER: vmlinuz, the modules
# that a guest needs, and what building modules needs. Nothing is installed; what is there already
# and younger than a week is kept.
set -euo pipefail
suite=$1
mkdir -p "$2"
folder=$(realpath "$2")

[ -e "$folder/version" ] && [ -n "$(find "$folder/version" -mtime -7)" ] && exit 0

# An apt of our own: the system's sources stay as they are. The server is the system's.
site=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
    awk '$2 == "bookworm" { print $1; exit }')
[ -n "$site" ] || { echo "no source of Debian 12 (bookworm) packages is configured" >&2; exit 1; }
apt_folder=$folder/apt
mkdir -p "$apt_folder/lists/partial" "$apt_folder/cache/archives/partial"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" > "$apt_folder/sources.list"
options=(-qq -o "Dir::Etc::SourceList=$apt_folder/sources.list" -o Dir::Etc::SourceParts=-
    -o "Dir::State::Lists=$apt_folder/lists" -o "Dir::Cache=$apt_folder/cache" -o APT::Sandbox::User=root)
if ! apt-get "${options[@]}" update; then
    # Without a network, the kernel of last time does.
    [ -e "$folder/version" ] && exit 0
    exit 1
fi
depends() { apt-cache "${options[@]}" depends "$1" | sed -n 's/^ *Depends: //p'; }
version=$(depends linux-image-amd64 | sed -n 's/^linux-image-//p' | head -1)
if [ "$version" = "$(cat "$folder/version" 2>/dev/null)" ]; then
    touch "$folder/version"
    exit 0
fi
rm -rf "$folder/root" "$folder/build" "$folder/module" "$folder/packages"
mkdir -p "$folder/root" "$folder/build" "$folder/packages"

cd "$folder/packages"
# shellcheck disable=SC2046
apt-get "${options[@]}" download "linux-image-$version" "linux-headers-$version" \
    $(depends "linux-headers-$version" | grep -E '^linux-(headers-.*-common|kbuild-)')

# Of the image only what a guest needs: the shared folder, an overlay, and DRM's vgem.
dpkg --fsys-tarfile linux-image-*.deb | tar -x -C "$folder/root" --wildcards --no-wildcards-match-slash \
    './boot/vmlinuz-*' "./lib/modules/$version/modules.builtin*" "./lib/modules/$version/modules.order" \
    "./lib/modules/$version/kernel/net/9p/*" "./lib/modules/$version/kernel/fs/9p/*" \
    "./lib/modules/$version/kernel/fs/netfs/*" "./lib/modules/$version/kernel/fs/overlayfs/*" \
    "./lib/modules/$version/kernel/drivers/gpu/drm/*.ko*" "./lib/modules/$version/kernel/drivers/gpu/drm/vgem/*" \
    $(dpkg --fsys-tarfile linux-image-*.deb | tar -t --wildcards --no-wildcards-match-slash \
        "./lib/modules/$version/kernel/fs/fscache/*" "./lib/modules/$version/kernel/drivers/virtio/*" 2>/dev/null | grep '\.ko')
for package in linux-headers-*.deb linux-kbuild-*.deb; do
    dpkg -x "$package" "$folder/root"
done
cd "$folder"
rm -r packages
cp root/boot/vmlinuz-* vmlinuz
find root/lib/modules -name '*.ko.xz' -exec xz -d {} +
/sbin/depmod -b "$folder/root" "$version"

# The headers name each other by absolute paths of an installed system; this folder leads to ours.
headers=$folder/root/usr/src/linux-headers-$version
common=$(echo "$folder"/root/usr/src/linux-headers-*-common)
tools=$(echo "$folder"/root/usr/lib/linux-kbuild-*)
ln -s "$headers"/{.config,Module.symvers,arch,include} "$tools"/{scripts,tools} build/
echo "include $common/Makefile" > build/Makefile
echo "$version" > version
