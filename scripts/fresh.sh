#!/bin/sh
# A bare Debian in a folder, with Python, git and make only; in it a clone of this checkout, its demo hub started,
# its login page asked for, and the hub ended as Ctrl-C would. Then once more, to see how long the second start takes.
#
# Usage: scripts/fresh.sh [FOLDER]      (root; needs debootstrap; FOLDER is kept, and used again if it is there)
# FRESH_SUITE and FRESH_MIRROR choose the release (bookworm) and the mirror (debootstrap's default).
# FRESH_COMMAND is run instead of the starts, as in: FRESH_COMMAND='make test' scripts/fresh.sh
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-${TMPDIR:-/tmp}/zoe-fresh}
suite=${FRESH_SUITE:-bookworm}

fail() { echo "$1" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "A bare machine is made by root only: sudo make test-fresh"
command -v debootstrap > /dev/null || fail "debootstrap is missing. Type: sudo apt-get install debootstrap"

if [ ! -e "$folder/base/.complete" ]; then
    rm -rf "$folder/base"
    mkdir -p "$folder"
    echo "Making a bare $suite in $folder/base ..."
    debootstrap --variant=minbase --include=python3,git,make,ca-certificates "$suite" "$folder/base" \
        ${FRESH_MIRROR:+"$FRESH_MIRROR"} > "$folder/debootstrap.log" 2>&1 || fail "debootstrap failed: see $folder/debootstrap.log"
    touch "$folder/base/.complete"
fi

machine=$folder/machine
leave() {
    for mount in proc dev/shm dev; do
        ! mountpoint -q "$machine/$mount" || umount "$machine/$mount"
    done
}
leave
rm -rf --one-file-system "$machine"
cp -a "$folder/base" "$machine"
trap leave EXIT

mount -t proc proc "$machine/proc"
mount --bind /dev "$machine/dev"
mount -t tmpfs shm "$machine/dev/shm"

# How this machine reaches package registries is part of the network it is in, not of the fresh machine.
cp -L /etc/resolv.conf "$machine/etc/resolv.conf"
for each in /etc/ssl/certs/ca-certificates.crt /etc/pip.conf "$HOME/.npmrc" /etc/apt/sources.list.d/debian.sources; do
    [ ! -e "$each" ] || { mkdir -p "$machine$(dirname "$each")"; cp -L "$each" "$machine$each"; }
done
[ ! -e "$machine/etc/apt/sources.list.d/debian.sources" ] || : > "$machine/etc/apt/sources.list"
cp -a /etc/apt/apt.conf.d/. "$machine/etc/apt/apt.conf.d/"
cp -a /usr/local/share/ca-certificates/. "$machine/usr/local/share/ca-certificates/" 2> /dev/null || true

git clone -q "$checkout" "$machine/srv/zoe"

# Only what speaks of the network passes into the machine.
inside() {
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$HOME" TERM=dumb LANG=C.UTF-8 \
        $(env | grep -E '^(PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|DEFAULT_TIMEOUT)|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)=' || true) \
        chroot "$machine" "$@"
}

inside sh -c 'for each in java node npm pip pip3 curl sudo gcc; do ! command -v $each; done' > /dev/null ||
    fail "The machine is not bare."

if [ -n "${FRESH_COMMAND:-}" ]; then
    inside sh -c "cd /srv/zoe && $FRESH_COMMAND"
    exit
fi
inside python3 /srv/zoe/scripts/fresh_starts.py
