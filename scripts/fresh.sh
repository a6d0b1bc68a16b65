#!/bin/sh
# A bare Debian or Ubuntu in a folder, with Python, git and make only; in it a clone of this checkout, its demo hub started,
# its login page asked for, and the hub ended as Ctrl-C would. Then once more, to see how long the second start takes, and
# with the README's cells copied into a notebook.
#
# Usage: scripts/fresh.sh [FOLDER]      (root; needs debootstrap; FOLDER is kept, and used again if it is there)
# FRESH_SUITE and FRESH_MIRROR choose the release (bookworm; also trixie, jammy, noble …) and the mirror (debootstrap's default).
# FRESH_USER=alice does it as an ordinary user of that machine who may not become root: what is missing must be said in a
# sentence, without anything half done; the administrator types what it says, one package at a time; then it must work.
# FRESH_PACKAGES are installed by the administrator before that, as in: FRESH_PACKAGES='default-jre-headless python3-venv npm'
# FRESH_COMMAND is run instead of the starts, as in: FRESH_COMMAND='make test' scripts/fresh.sh
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-${TMPDIR:-/tmp}/zoe-fresh}
suite=${FRESH_SUITE:-bookworm}
user=${FRESH_USER:-}
base=$folder/base-$suite

fail() { echo "$1" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "A bare machine is made by root only: sudo make test-fresh"
command -v debootstrap > /dev/null || fail "debootstrap is missing. Type: sudo apt-get install debootstrap"

if [ ! -e "$base/.complete" ]; then
    rm -rf "$base" "$folder/debootstrap"
    mkdir -p "$folder"
    cp -a "${DEBOOTSTRAP_DIR:-/usr/share/debootstrap}" "$folder/debootstrap"
    script=$folder/debootstrap/scripts/$suite
    # A debootstrap that is older than the release: Ubuntu's have not changed since this one.
    [ -e "$script" ] || ln -s gutsy "$script"
    keyring=$(sed -n 's/^keyring //p' "$script" | head -n 1)
    unsigned=
    [ -e "$keyring" ] || { unsigned=--no-check-gpg; echo "There is no $keyring: the packages' signature is not checked."; }
    components=main
    ! grep -q ubuntu "$script" || components=main,universe
    echo "Making a bare $suite in $base ..."
    DEBOOTSTRAP_DIR=$folder/debootstrap debootstrap $unsigned --variant=minbase --components=$components \
        --include=python3,git,make,ca-certificates "$suite" "$base" \
        ${FRESH_MIRROR:+"$FRESH_MIRROR"} > "$folder/debootstrap.log" 2>&1 || fail "debootstrap failed: see $folder/debootstrap.log"
    touch "$base/.complete"
fi

machine=$folder/machine
leave() {
    for mount in proc dev/shm dev/pts dev; do
        ! mountpoint -q "$machine/$mount" || umount "$machine/$mount"
    done
}
leave
rm -rf --one-file-system "$machine"
cp -a "$base" "$machine"
trap leave EXIT

mount -t proc proc "$machine/proc"
mount --bind /dev "$machine/dev"
mount --bind /dev/pts "$machine/dev/pts"
mount -t tmpfs shm "$machine/dev/shm"

# How this machine reaches package registries is part of the network it is in, not of the fresh machine.
copy() { [ ! -e "$1" ] || { mkdir -p "$machine$(dirname "$2")"; cp -L "$1" "$machine$2"; }; }
release() { sed -n "s/^$2=//p" "$1/etc/os-release"; }
for each in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
    copy $each $each
done
cp -a /etc/apt/apt.conf.d/. "$machine/etc/apt/apt.conf.d/"
cp -a /usr/local/share/ca-certificates/. "$machine/usr/local/share/ca-certificates/" 2> /dev/null || true
if [ "$(release "" VERSION_CODENAME)" = "$suite" ] && [ -e /etc/apt/sources.list.d/debian.sources ]; then
    copy /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/debian.sources
    : > "$machine/etc/apt/sources.list"
elif [ "$(release "$machine" ID)" = ubuntu ]; then
    sed -i "p; s/ $suite / $suite-updates /" "$machine/etc/apt/sources.list"
fi

# Only what speaks of the network passes into the machine.
inside() {
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" USER="$who" LOGNAME="$who" \
        TERM=dumb LANG=C.UTF-8 \
        $(env | grep -E '^(PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|DEFAULT_TIMEOUT)|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)=' || true) \
        chroot --userspec="$who" "$machine" "$@"
}
administrator() { (who=root home=/root; inside "$@"); }
apt() { administrator apt-get -q -y "$@" >> "$folder/administrator.log" 2>&1 || fail "apt-get $* failed: see $folder/administrator.log"; }

who=root home=/root clone=/srv/zoe
if [ -n "$user" ]; then
    who=$user home=/home/$user clone=/home/$user/zoe
    administrator useradd --create-home --shell /bin/sh "$user"
fi
copy "$HOME/.npmrc" "$home/.npmrc"
git clone -q "$checkout" "$machine$clone"
[ -z "$user" ] || administrator chown -R "$user:" "$home"

inside sh -c 'for each in java node npm pip pip3 curl sudo gcc; do ! command -v $each; done' > /dev/null ||
    fail "The machine is not bare."
: > "$folder/administrator.log"
[ -z "${FRESH_PACKAGES:-}" ] || { apt update; apt install --no-install-recommends $FRESH_PACKAGES; }

starts=$clone/scripts/fresh_starts.py
complete() { inside sh -c 'command -v java && python3 -c "import ensurepip"' > /dev/null 2>&1; }
if [ -n "$user" ] && ! complete; then
    missing=$(inside python3 "$starts" refused) || fail "$missing"
    while [ -n "$missing" ]; do
        next=${missing%% *}
        echo "Missing: $missing. The administrator types: apt-get install $next"
        apt update
        apt install "$next"
        missing=${missing#"$next"}
        missing=${missing# }
        [ -z "$missing" ] || inside python3 "$starts" refused $missing > /dev/null || fail "Not refused as it should be."
    done
fi
if [ -n "${FRESH_COMMAND:-}" ]; then
    inside sh -c "cd $clone && $FRESH_COMMAND"
    exit
fi
inside python3 "$starts"
