# before a server runs
status
ping
stop
get t banip
reload
start
start
# the server
ping
ping 2
ping abc
version
echo
echo a b 'c  d'
status
server-status
status t
status u
status u basic
status u short
status u cymruX
status nosuch
status t u v
banned
banned 192.0.2.1
banned 192.0.2.1 192.0.2.2
get loglevel
set loglevel DEBUG
set loglevel nonsense
set loglevel 3
get loglevel
set loglevel INFO
get logtarget
set logtarget /nonexistent/dir/log
get logtarget
get syslogsocket
set syslogsocket auto
get dbfile
set dbfile /tmp/other
get dbpurgeage
set dbpurgeage 2d
set dbpurgeage 1h30m
get dbmaxmatches
set dbmaxmatches 5
set dbmaxmatches x
get thread
set thread '{"stacksize": 0}'
set allowipv6 auto
set allowipv6 yes
get allowipv6
flushlogs
sleep 0
help
nosuchcommand
''
get
set
get nosuch
get nosuch bantime
set nosuch bantime 5
get t
set t
set t nosuch 1
get t nosuch
# settings of a jail
get t idle
set t idle on
get t idle
status t
set t idle off
get t ignoreself
set t ignoreself true
get t ignoreself
set t ignoreself false
get t ignoreip
get u ignoreip
set t addignoreip 203.0.113.1
set t delignoreip 203.0.113.1
set t addignoreip 203.0.113.2 203.0.113.0/28 2001:db8::/32
get t ignoreip
set t delignoreip 203.0.113.2
set t delignoreip 203.0.113.77
get t ignoreip
get t ignorecommand
set t ignorecommand '/bin/false <ip>'
get t ignorecommand
set t ignorecommand ''
get t ignorecache
set t ignorecache 'key="<ip>", max-count=10, max-time=5m'
get t ignorecache
set t ignorecache ''
get t logpath
get u logpath
set t addlogpath /nonexistent.log
set t addlogpath @D@/u.log tail
get t logpath
set t dellogpath @D@/u.log
set t dellogpath @D@/u.log
get t logpath
set t addlogpath
get t logencoding
set t logencoding UTF-8
set t logencoding ascii
set t logencoding nosuchcoding
set t logencoding '{}'
set t logencoding mac_roman
set t logencoding ascii
get t logencoding
get t journalmatch
set t addjournalmatch _SYSTEMD_UNIT=x
get t failregex
get u failregex
get u ignoreregex
get t ignoreregex
set t addfailregex '^\s*other <HOST> 5$'
get t failregex
set t addfailregex 'no host in it'
set t addfailregex '(<HOST>'
set t delfailregex 1
set t delfailregex 99
set t delfailregex x
get t failregex
set t addignoreregex 'never.*this'
get t ignoreregex
set t delignoreregex 0
get t ignoreregex
get t prefregex
set t prefregex '^\s*(?P<content>.*)$'
get t prefregex
set t prefregex ''
get t datepattern
set t datepattern '%Y-%m-%d %H:%M:%S'
get t datepattern
set t datepattern '{^LN-BEG}'
get t datepattern
set t datepattern '%%Y'
get t usedns
set t usedns warn
set t usedns nonsense
get t usedns
set t usedns no
get t findtime
set t findtime 20m
set t findtime 1.5h
get t findtime
set t findtime 1mo
set t findtime 600
get t bantime
set t bantime 2h
set t bantime -1
get t bantime
set t bantime 1h
get t maxretry
set t maxretry 5
set t maxretry x
get t maxmatches
set t maxmatches 7
get t maxlines
set t maxlines 3
set t maxlines 0
get t maxlines
set t maxlines 1
get t logtimezone
set t logtimezone UTC+0200
set t logtimezone nonsense
get t logtimezone
get t bantime.increment
get u bantime.increment
get u bantime.factor
set u bantime.factor 2
get u bantime.factor
set u bantime.maxtime 1mo
set u bantime.maxtime 1d
get u bantime.maxtime
set u bantime.rndtime 0
set u bantime.multipliers '1 2 x'
set u bantime.multipliers '1 2 4'
get u bantime.multipliers
set u bantime.formula 'ban.Time * 2'
set u bantime.overalljails true
get u bantime.overalljails
set u bantime.nosuch 1
# bans
get t banip
set t banip 192.0.2.1
set t banip 192.0.2.1
set t banip 192.0.2.2 2001:db8:9::1 192.0.2.64/29
set t banip
!wait_for 192.0.2.64/29 get t banip
!wait_out 'ban 192.0.2.64/29 two'
status t
status t short
get t banip
get t banip ,
get t banip --with-time
get t banned
get t banned 192.0.2.1
get t banned 192.0.2.1 192.0.2.9
banned
banned 192.0.2.1 192.0.2.9
set t unbanip 192.0.2.1
set t unbanip 192.0.2.1
set t unbanip --report-absent 192.0.2.1 192.0.2.2
set t unbanip 192.0.2.0/24
set t unbanip
get t banip
set u banip 192.0.2.5 192.0.2.6
!wait_for 192.0.2.6 get u banip
unban 192.0.2.5 192.0.2.99
unban --all
unban
get u banip
set t attempt 192.0.2.20
set t attempt 192.0.2.20 'line one' 'line two'
set t attempt
!wait_for 'Total failed:	2' status t
status t
!append u.log 'bad 192.0.2.30'
!append u.log 'worse 192.0.2.30'
!append u2.log 'bad 192.0.2.30'
!wait_for 192.0.2.30 get u banip
!wait_out 'ban 192.0.2.30 none'
status u
unban 192.0.2.30
# actions
get t actions
get u actions
get t action rec actionban
get t action second tag
get t action second port
get t action second nosuch
get t action nosuch actionban
set t action second port 2222
get t action second port
set t action second newprop some value
set t action second newprop value
get t action second newprop
set t action second timeout 10
get t action second timeout
set t action second bantime 5
get t action second bantime
set t action second bantime x
get t action nosuch
get t action second
get t actionproperties rec
get t actionmethods rec
get t actionproperties
get t actionproperties nosuch
get t actionmethods nosuch
set t addaction third
get t actions
set t action third actionban 'echo third <ip>'
get t action third actionban
set t delaction third
set t delaction third
get t actions
# jails
add v polling
add v polling
add w nosuchbackend
start v
status
status v
get v failregex
get v actions
get v logpath
get v ignoreip
get v datepattern
set v addlogpath @D@/t.log head
set v addfailregex '^x <HOST>$'
stop v
stop v
start nosuch
add
status
# reload
reload t
reload --unban t
reload --restart t
reload nosuch
reload --if-exists nosuch
reload off
reload a b
reload --all b
reload
reload --unban
reload --restart --unban
restart u
restart nosuch
status
status t
status u
get t bantime
multi-set t addignoreip
config-error something
server-stream
unban a logpath
unban a actions
# the end
restart
status
stop
stop
status
