# mail.bash: runs inside a mount and network namespace. $1: directory with dma's .deb, writable; $JAILTOP.
# The file system is an overlay over the host's, so that installing a mail agent changes nothing there.
set -eu
work=$1
mount -t tmpfs tmpfs "$work/over"
mkdir "$work/over/up" "$work/over/work" "$work/over/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/over/up,workdir=$work/over/work" "$work/over/root"
R=$work/over/root
mount --rbind /proc "$R/proc"
mount --rbind /dev "$R/dev"
mkdir -p "$R/mnt/x"
mount --bind "$work/share" "$R/mnt/x"
mkdir -p "$R$(dirname "$JAILTOP")"
mount --bind "$(dirname "$JAILTOP")" "$R$(dirname "$JAILTOP")"
ip link set lo up
dpkg-deb -x "$work"/dma*.deb "$R"
mkdir -p "$R/var/spool/dma" "$R/var/mail"
chown root:mail "$R/var/spool/dma" "$R/var/mail" && chmod 2770 "$R/var/spool/dma" "$R/var/mail"
: >"$R/var/spool/dma/flush" && chown root:mail "$R/var/spool/dma/flush" && chmod 660 "$R/var/spool/dma/flush"
cp "$R/usr/share/dma/dma.conf" "$R/etc/dma/dma.conf"
echo localhost >"$R/etc/mailname"
rm -f "$R/var/mail/root"
# a whois server of our own: the answer names the question
/usr/bin/python3 - <<'END' &
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", 4343)); s.listen(50)
while True:
    c, _ = s.accept()
    q = c.recv(1000).decode().strip()
    c.sendall(f"netname: EXAMPLE-OF-{q}\r\n".encode()); c.close()
END
whois=$!
server=
trap 'kill $whois $server 2>/dev/null; wait' EXIT
cp -R /etc/fail2ban "$work/share/conf"
rm -f "$work"/share/conf/jail.d/*
printf '[DEFAULT]\n_whois = whois -h 127.0.0.1 -p 4343 <ip>\n[Definition]\n_whois = whois -h 127.0.0.1 -p 4343 <ip>\n' >"$work/share/conf/action.d/mail-whois-common.local"
printf '[Definition]\nsocket=/mnt/x/s\npidfile=/mnt/x/p\nlogtarget=/mnt/x/log\ndbfile=/mnt/x/db\nallowipv6=yes\n' >"$work/share/conf/fail2ban.local"
printf '[Definition]\nfailregex = ^ fail from <HOST>\n' >"$work/share/conf/filter.d/j.conf"
printf '[j]\nenabled=true\nfilter=j\nbackend=polling\nlogpath=/mnt/x/auth.log\nmaxretry=2\nbantime=1h\nignoreself=false\nusedns=no\nport=ssh\nbanaction=iptables-multiport\ndestemail=root\nsender=fail2ban@localhost\nmta=sendmail\naction=%%(action_mwl)s\n' >"$work/share/conf/jail.local"
line() { printf '%s fail from %s port %s\n' "$(date '+%F %T')" "$1" "$2" >>"$work/share/auth.log"; }
wait_for() { # SECONDS COMMAND...
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || { echo "never: $*"; tail -20 "$work/share/log"; return 1; }
        sleep 0.1
    done
}
mails() { [ "$(grep -c '^From ' "$R/var/mail/root" 2>/dev/null)" -ge "$1" ]; }
answers() { chroot "$R" env "$JAILTOP" client -c /mnt/x/conf ping >/dev/null 2>&1; }
: >"$work/share/auth.log"
start() {
    chroot "$R" env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$JAILTOP" server -f -c /mnt/x/conf &
    server=$!
    wait_for 10 answers
}
client() { chroot "$R" "$JAILTOP" client -c /mnt/x/conf "$@"; }
start
wait_for 20 mails 1 # "started"
line 192.0.2.7 1001
line 192.0.2.7 1002
wait_for 20 mails 2
cp "$R/var/mail/root" "$work/share/mbox.ban"
rules() { iptables -S f2b-j >"$work/share/rules" 2>/dev/null && grep -q 192.0.2.7 "$work/share/rules"; }
wait_for 20 rules # the mail has a queue of its own: it may have been faster
# a restart must not mail again
before=$(grep -c '^From ' "$R/var/mail/root")
client stop >/dev/null
wait $server || true
server=
wait_for 20 mails $((before + 1)) # "stopped"
start
wait_for 20 mails $((before + 2)) # "started"
cp "$R/var/mail/root" "$work/share/mbox.restart"
# a storm
storm=$(grep -c '^From ' "$R/var/mail/root")
for i in $(seq 1 40); do line 198.51.100.$i 1; line 198.51.100.$i 2; done
wait_for 60 mails $((storm + 20))
client stop >/dev/null
wait $server || true
server=
wait_for 20 mails $((storm + 22)) # the digest, "stopped"
cp "$R/var/mail/root" "$work/share/mbox.storm"
