#!/bin/sh
# Has a rule stand in the firewall of the engine's machine: what one of Docker's networks sends to another is dropped.
# Engines before 28 have such a rule themselves, and take it out and put it back whenever a network is made. This one is in
# a table that they leave alone.
#
#   guard          set it where it is missing, and bring it up to date; there is no moment without it
#   guard remove   take it away
set -eu

chain=ZOE-NETWORKS

jumps() {
    # Docker's bridges: those of networks that somebody made, its own first one, and the one of a swarm.
    printf '%s\n' '-i br-+ -o br-+' '-i br-+ -o docker+' '-i docker+ -o br-+'
}

others() {
    # Bridges of the machine that are not Docker's, such as one that leads outside.
    for path in /sys/class/net/br-*; do
        name=${path##*/}
        if [ -e "$path" ] && ! expr "$name" : 'br-[0-9a-f]\{12\}$' >/dev/null; then
            printf '%s\n' "$name"
        fi
    done
}

rules() {
    printf '%s\n' '*mangle' ":$chain - [0:0]"
    # A port that its owner opened to the world is for the engine to judge.
    printf '%s\n' "-A $chain -m conntrack --ctstate DNAT -j RETURN"
    for name in $(others); do
        printf '%s\n' "-A $chain -i $name -j RETURN" "-A $chain -o $name -j RETURN"
    done
    # What a bridge passes on among its own is no other network's.
    printf '%s\n' "-A $chain -m physdev ! --physdev-is-bridged -j DROP"
    jumps | while read -r jump; do
        # shellcheck disable=SC2086
        "$1" -w -t mangle -C FORWARD $jump -j $chain 2>/dev/null || printf '%s\n' "-I FORWARD $jump -j $chain"
    done
    printf '%s\n' COMMIT
}

take_away() {
    "$1" -w -t mangle -n -L $chain >/dev/null 2>&1 || return 0
    jumps | while read -r jump; do
        # shellcheck disable=SC2086
        while "$1" -w -t mangle -D FORWARD $jump -j $chain 2>/dev/null; do :; done
    done
    "$1" -w -t mangle -F $chain
    "$1" -w -t mangle -X $chain
}

tables=iptables
if ip6tables -w -t mangle -n -L FORWARD >/dev/null 2>&1; then
    tables="$tables ip6tables"
fi
for each in $tables; do
    case "${1:-set}" in
        set) rules "$each" | "$each-restore" -w --noflush ;;
        remove) take_away "$each" ;;
        *)
            echo "guard knows 'remove', and nothing else" >&2
            exit 2
            ;;
    esac
done
