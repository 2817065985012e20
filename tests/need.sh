#!/bin/sh
# need.sh build|more 'DEBIAN|FEDORA|PROBE ...': installs the packages whose probe finds nothing; the
# rows stand in the Makefile. When all is there it says nothing and costs some milliseconds.
# PROBE: a program, a path (/x), a header in /usr/include (x.h), a pkg-config module (x.pc), a font (@x).
# "build" fails when something stays missing; "more" warns and goes on.
set -u
how=$1
deb= rpm=
for row in $2; do
    probe=${row##*|} names=${row%|*}
    case $probe in
    /*) [ -e "$probe" ] && found=yes || found= ;;
    *.h) set -- /usr/include/$probe /usr/include/*/$probe /usr/local/include/$probe
        found=
        for f; do [ -e "$f" ] && found=yes && break; done ;;
    *.pc) pkg-config --exists "${probe%.pc}" 2>/dev/null && found=yes || found= ;;
    @*) found=$(find /usr/share/fonts -iname "*${probe#@}*" 2>/dev/null | head -1) ;;
    *) found=$(command -v "$probe") ;;
    esac
    [ -n "$found" ] && continue
    deb="$deb ${names%|*}" rpm="$rpm ${names#*|}"
done
[ -n "$deb" ] || exit 0

if command -v apt-get >/dev/null; then
    missing=$deb tool="apt-get install -y --no-install-recommends"
elif command -v dnf >/dev/null; then
    missing=$rpm tool="dnf install -y"
else
    missing=$deb tool=
fi

give_up() {
    echo "jailtop: $1" >&2
    if [ -n "$tool" ]; then
        echo "jailtop: as root, type:  $tool$missing" >&2
    else
        echo "jailtop: install what Debian calls:$deb" >&2
        echo "jailtop:  and Fedora:             $rpm" >&2
    fi
    [ "$how" = build ] && exit 1
    echo "jailtop: going on without" >&2
    exit 0
}

[ -n "$tool" ] || give_up "neither apt-get nor dnf is here; missing:$missing"
if [ "$(id -u)" = 0 ]; then
    sudo=
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    sudo=sudo
else
    give_up "missing:$missing; this is not root, and sudo cannot be asked here"
fi

echo "jailtop: about to install, with ${sudo:+sudo }$tool:$missing"
if [ "${tool%% *}" = dnf ]; then
    $sudo $tool $missing || give_up "dnf could not install all of it"
    exit 0
fi

# openssh-server, rsyslog and fail2ban are here to be run by tests, in their own namespaces: while
# they are installed, Debian's policy-rc.d keeps their services from starting.
policy=/usr/sbin/policy-rc.d
case "$missing" in
*openssh-server* | *rsyslog* | *fail2ban*)
    if [ ! -e $policy ]; then
        echo "jailtop: their services stay off now; at the next boot Debian would start them (systemctl disable NAME)"
        printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null && $sudo chmod 755 $policy
        trap '$sudo rm -f $policy' EXIT
        trap 'exit 130' INT TERM HUP
    fi ;;
esac
apt() {
    $sudo env DEBIAN_FRONTEND=noninteractive "$@"
}
# a fresh machine has no lists, an old one has stale ones
apt-cache show $missing >/dev/null 2>&1 || apt apt-get update
apt $tool $missing || { apt apt-get update && apt $tool $missing; } || give_up "apt-get could not install all of it"
