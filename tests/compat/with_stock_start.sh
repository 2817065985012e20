#!/bin/sh
# with_stock_start.sh JAILTOP OPTIONS COMMAND…: `jailtop client`, but a server is started by the stock
# client, so that it is the real one.
jailtop=$1
shift
for word; do last=$word; done
case $last in
start) exec fail2ban-client "$@" ;;
restart)
    conf=$2
    "$jailtop" client -c "$conf" stop
    exec fail2ban-client -c "$conf" start ;;
*) exec "$jailtop" client "$@" ;;
esac
