# net.bash: two network namespaces joined by a veth. In one, a real sshd that logs through a real
# rsyslogd; the other is the attacker. Names carry the pid, addresses are reserved for documentation,
# /dev/log, /etc/passwd and /etc/shadow are private (a mount namespace), so the host sees none of it.

SERVER_IP=192.0.2.1
CLIENT_IP=192.0.2.77
USER_NAME=ann
USER_PASS=right-horse

net_needs() { # skips with a reason
    local tool
    [ "$(id -u)" = 0 ] || skip "needs root: network namespaces, a real sshd and rsyslogd"
    for tool in ip mount sshd ssh ssh-keygen sshpass rsyslogd iptables tmux openssl unshare; do
        command -v $tool >/dev/null || skip "$tool is not installed"
    done
    local probe=jtp$$ works=yes
    ip netns add $probe 2>/dev/null && ip netns exec $probe iptables -S >/dev/null 2>&1 || works=
    ip netns del $probe 2>/dev/null || true
    [ -n "$works" ] || skip "no named network namespaces with iptables here"
}

# net_up DIR: DIR/auth.log is what rsyslogd writes
net_up() {
    NET=$1
    NS_SERVER=jts$$ NS_CLIENT=jtc$$
    mkdir -p "$NET/dev" "$NET/run" "$NET/etc"
    ip netns add $NS_SERVER
    ip netns add $NS_CLIENT
    ip link add name veth0 netns $NS_SERVER type veth peer name veth0 netns $NS_CLIENT
    ip -n $NS_SERVER addr add $SERVER_IP/24 dev veth0
    ip -n $NS_CLIENT addr add $CLIENT_IP/24 dev veth0
    local ns
    for ns in $NS_SERVER $NS_CLIENT; do
        ip -n $ns link set lo up
        ip -n $ns link set veth0 up
    done

    ssh-keygen -q -t ed25519 -N '' -f "$NET/etc/hostkey"
    cat >"$NET/etc/sshd_config" <<CONF
Port 22
ListenAddress $SERVER_IP
HostKey $NET/etc/hostkey
PidFile $NET/run/sshd.pid
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
AllowUsers $USER_NAME
MaxStartups 100
SyslogFacility AUTH
LogLevel INFO
CONF
    cat >"$NET/etc/rsyslog.conf" <<CONF
global(workDirectory="$NET/run")
module(load="imuxsock" SysSock.Name="/dev/log")
action(type="omfile" file="$NET/auth.log" template="RSYSLOG_TraditionalFileFormat")
CONF
    { grep -v "^$USER_NAME:" /etc/passwd; echo "$USER_NAME:x:4711:4711::/:/bin/sh"; } >"$NET/etc/passwd"
    { grep -v "^$USER_NAME:" /etc/shadow; echo "$USER_NAME:$(openssl passwd -6 $USER_PASS):20000:0:99999:7:::"; } >"$NET/etc/shadow"
    grep -q '^sshd:' "$NET/etc/passwd" || echo 'sshd:x:4712:65534::/run/sshd:/usr/sbin/nologin' >>"$NET/etc/passwd"
    chmod 600 "$NET/etc/shadow"
    : >"$NET/auth.log"

    cat >"$NET/etc/up.sh" <<'UP'
set -e
cd "$1"
for node in null zero full random urandom tty; do
    : >dev/$node
    mount --bind /dev/$node dev/$node
done
mkdir -p dev/pts dev/shm
mount --bind /dev/pts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount --rbind dev /dev
mount --bind etc/passwd /etc/passwd
mount --bind etc/shadow /etc/shadow
mount -t tmpfs none /run
mkdir -p /run/sshd
rsyslogd -n -f "$1/etc/rsyslog.conf" -i "$1/run/rsyslogd.pid" >run/rsyslogd.out 2>&1 &
echo $! >run/rsyslogd
for i in $(seq 100); do [ -S /dev/log ] && break; sleep 0.05; done
[ -S /dev/log ]
exec "$(command -v sshd)" -D -f "$1/etc/sshd_config"
UP
    ip netns exec $NS_SERVER unshare -m --propagation private sh "$NET/etc/up.sh" "$NET" >"$NET/run/sshd.out" 2>&1 3>&- &
    NET_PID=$!
    wait_until 10 net_banner || { cat "$NET"/run/*.out; return 1; }
}

net_down() {
    [ -n "${NET:-}" ] || return 0
    local pid
    for pid in $(cat "$NET/run/rsyslogd" 2>/dev/null) ${NET_PID:-}; do kill "$pid" 2>/dev/null || true; done
    wait ${NET_PID:-} 2>/dev/null || true
    # sessions of sshd that are still there
    for pid in $(ip netns pids $NS_SERVER 2>/dev/null) $(ip netns pids $NS_CLIENT 2>/dev/null); do
        kill "$pid" 2>/dev/null || true
    done
    ip netns del $NS_SERVER 2>/dev/null || true
    ip netns del $NS_CLIENT 2>/dev/null || true
}

on_server() { ip netns exec $NS_SERVER "$@"; }
on_client() { ip netns exec $NS_CLIENT "$@"; }

# true if the client gets sshd's banner
net_banner() {
    on_client timeout 3 bash -c "exec 3<>/dev/tcp/$SERVER_IP/22 && head -c 4 <&3" 2>/dev/null | grep -q SSH-
}
# the kernel sends such an ICMP once a second at most: the SYN may have to come again
net_refused() {
    on_client timeout 5 bash -c "exec 3<>/dev/tcp/$SERVER_IP/22" 2>&1 | grep -qi refused
}
# net_login PASSWORD: one password, one connection; 0: let in, 5: wrong password, 255: no connection
net_login() {
    on_client timeout 20 sshpass -p "$1" ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        -o PreferredAuthentications=password -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 \
        -o ConnectTimeout=4 $USER_NAME@$SERVER_IP true </dev/null
}

# wait_until SECONDS COMMAND...: asks again every 0.1 s until it is true
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "not within the time: $*"; return 1; }
        sleep 0.1
    done
}
