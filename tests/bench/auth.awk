# auth.awk -v lines=N -v attack=PERCENT -v seed=N: an auth.log. attack is the share of what attackers cause.
# Kinds of lines and their shares follow what OpenSSH writes under password guessing.
function pick(list, a, n) { n = split(list, a, " "); return a[1 + int(rand() * n)] }
function octet() { return 1 + int(rand() * 254) }
function attacker() {
    if (rand() < 0.1)
        return sprintf("2001:db8:%x:%x::%x", rand() * 65535, rand() * 65535, 1 + rand() * 65534)
    return 1 + int(rand() * rand() * 220) "." octet() "." octet() "." octet()
}
function put(tag, text) {
    now += rand() * 2
    if (int(now) != stamped) {
        stamped = int(now)
        stamp = strftime("%b %e %H:%M:%S", stamped, 1)
    }
    print stamp, "gate", tag ":", text
    n++
}
function guess(ip, port, user, who, i) {
    pid += 1 + int(rand() * 3)
    sshd = "sshd[" pid "]"
    ip = attacker(); port = 1024 + int(rand() * 60000)
    if (rand() < 0.5) {
        user = pick("admin test oracle postgres pi guest ubuntu deploy git")
        put(sshd, "Invalid user " user " from " ip " port " port)
        put(sshd, "pam_unix(sshd:auth): check pass; user unknown")
        who = "invalid user " user
    } else
        who = user = "root"
    put(sshd, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=" ip (who == "root" ? "  user=root" : ""))
    for (i = 0; i <= rand() * 2; i++)
        put(sshd, "Failed password for " who " from " ip " port " port " ssh2")
    if (rand() < 0.5)
        put(sshd, "Connection closed by " (who == "root" ? "authenticating" : "invalid") " user " user " " ip " port " port " [preauth]")
    else {
        put(sshd, "Received disconnect from " ip " port " port ":11: Bye Bye [preauth]")
        put(sshd, "Disconnected from " (who == "root" ? "authenticating" : "invalid") " user " user " " ip " port " port " [preauth]")
    }
}
function work(ip, who) {
    pid += 1 + int(rand() * 9)
    if (rand() < 0.5) {
        who = pick("root www-data")
        put("CRON[" pid "]", "pam_unix(cron:session): session opened for user " who "(uid=0) by (uid=0)")
        put("CRON[" pid "]", "pam_unix(cron:session): session closed for user " who)
    } else if (rand() < 0.6) {
        who = pick("anna ben carla"); ip = "192.0.2." octet()
        put("sshd[" pid "]", "Accepted publickey for " who " from " ip " port " 1024 + int(rand() * 60000) " ssh2: ED25519 SHA256:Zk3vq9yJcE0r5hC3m2YQeV1xkz8r3nUO0w2D5d7yqaQ")
        put("sshd[" pid "]", "pam_unix(sshd:session): session opened for user " who "(uid=1000) by (uid=0)")
        put("systemd-logind[612]", "New session " pid " of user " who ".")
        put("sshd[" pid "]", "pam_unix(sshd:session): session closed for user " who)
    } else {
        put("sudo", "    anna : TTY=pts/1 ; PWD=/home/anna ; USER=root ; COMMAND=/usr/bin/apt update")
        put("sudo", "pam_unix(sudo:session): session opened for user root(uid=0) by anna(uid=1000)")
        put("sudo", "pam_unix(sudo:session): session closed for user root")
    }
}
BEGIN {
    srand(seed); now = 1780272000; pid = 1000
    while (n < lines)
        if (rand() * 100 < attack) guess(); else work()
}
