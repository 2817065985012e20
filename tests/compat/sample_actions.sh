# sample_actions.sh DIR START CLIENT...: in a network namespace of its own, all actions of sample-configs under a server
# that START begins: what the kernel, hosts.deny and the recorders of what is not here hold after bans, unbans and the stop.
# DIR: sample-configs; the jails all, mailed and whole are in its jail.local.
d=$1 start=$2
shift 2
client=("$@")
export PATH=$d/bin:$PATH
mkdir "$d/bin"
for tool in ufw firewall-cmd sendmail whois; do # they note their words; sendmail its input, too
    cat >"$d/bin/$tool" <<'EOS'
#!/bin/sh
d=${0%/bin/*} tool=${0##*/}
{ printf '%s' "$tool"; printf '|%s' "$@"; echo; } >>"$d/calls"
case "$tool $*" in
"ufw status") echo "Status: active" ;;
firewall-cmd*--query-rule*) grep -qF -- "${*#*--query-rule }" "$d/direct" 2>/dev/null ;;
firewall-cmd*--add-rule*) echo "${*#*--add-rule }" >>"$d/direct" ;;
firewall-cmd*--remove-rule*) : >"$d/direct" ;;
whois*) echo "netname: OF-$1" ;;
sendmail*) sed 's/^Date: .*/Date: then/' >"$d/mail-$$" && mv "$d/mail-$$" "$d/mail.$(sed -n 's/^Subject: .* \(.*\) has banned \(.*\)/\1-\2/p' "$d/mail-$$" | tr -c '[:alnum:].\n-' _)" ;;
esac
EOS
    chmod +x "$d/bin/$tool"
done
ip link set lo up
ip link add d0 type veth peer name d1
ip addr add 198.18.0.1/24 dev d0 && ip addr add 2001:db8:99::1/64 dev d0 nodad
ip link set d0 up && ip link set d1 up
kernel() { # comparable: without counters and what is random, what has no order sorted
    iptables -S; ip6tables -S
    ipset save | sed 's/ initval 0x[0-9a-f]*//; s/ hashsize [0-9]*//' | sort
    nft list tables | grep 'inet' | sort
    nft -j list ruleset 2>/dev/null | jq -c '.nftables[] | select(.set.family == "inet") | .set | [.table, .name, .type, .flags, (.elem // [] | sort)]' | sort
    nft -s list ruleset 2>/dev/null | grep -E 'hook .*priority filter - 1|@f2b' | sort
    ip route; ip -6 route | grep unreachable
    cat "$d/deny"
}
until_kernel() { # TEXT...: all of them
    for i in $(seq 150); do
        kernel >"$d/kernel"
        for text; do grep -qF -- "$text" "$d/kernel" || continue 2; done
        return 0
    done
    echo "never all of: $*"
    cat "$d/kernel"
    exit 1
}
until_gone() { # TEXT...: none of them
    for i in $(seq 150); do
        kernel >"$d/kernel"
        for text; do ! grep -qF -- "$text" "$d/kernel" || continue 2; done
        return 0
    done
    echo "never gone: $*"
    cat "$d/kernel"
    exit 1
}
until_file() { for i in $(seq 200); do [ ! -s "$1" ] || return 0; sleep 0.05; done; echo "no $1"; exit 1; }
: >"$d/deny"
eval "$start"
trap '"${client[@]}" stop >/dev/null 2>&1' EXIT # whatever fails
for i in $(seq 100); do "${client[@]}" ping 2>/dev/null | grep -q pong && break; sleep 0.1; done
"${client[@]}" set all banip 203.0.113.7 203.0.113.9 2001:db8::7 >/dev/null
"${client[@]}" set all banip 10.9.0.0/16 >/dev/null
"${client[@]}" set whole banip 203.0.113.8 2001:db8::8 >/dev/null
"${client[@]}" set mailed attempt 203.0.113.20 'guess $(touch '"$d"'/canary) `touch '"$d"'/canary`' '"; touch '"$d"'/canary; "' '~! %s -e' >/dev/null
until_file "$d/mail.mailed-203.0.113.20"
until_kernel 'add f2b-all 203.0.113.9' 'add f2b-all6 2001:db8::7' 'f2b-whole6' 'unreachable 10.9.0.0/16' 'ALL: 10.9.0.0/16' '-s 203.0.113.20/32' 'ALL: [2001:db8::7]'
until_kernel '["f2b","f2b-all","ipv4_addr",["interval"],["203.0.113.7","203.0.113.9",{"prefix":{"addr":"10.9.0.0","len":16}}]]' \
    '["f2b","f2b-all6","ipv6_addr",["interval"],["2001:db8::7"]]' '["f2b","f2b-whole6","ipv6_addr",["interval"],["2001:db8::8"]]'
cat "$d/kernel"
echo "== two unbanned"
"${client[@]}" set all unbanip 203.0.113.7 >/dev/null
"${client[@]}" unban 2001:db8::7 >/dev/null
until_gone '203.0.113.7' '2001:db8::7'
cat "$d/kernel"
echo "== stopped"
"${client[@]}" stop >/dev/null
trap - EXIT
for i in $(seq 200); do [ -e "$d/p" ] || break; sleep 0.05; done
until_gone f2b- 'inet f2b' unreachable ALL:
cat "$d/kernel"
echo "== calls" # a stop lifts bans in no order; and who sees no rule of firewalld's in the kernel asks more often
sed "s|$d|DIR|g" "$d/calls" | sort | grep -v -- --query-rule
for file in "$d"/mail.*; do echo "== ${file##*/}"; sed "s|$d|DIR|g" "$file"; done
[ ! -e "$d/canary" ] && echo "no canary"
