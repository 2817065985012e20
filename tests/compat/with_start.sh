#!/bin/sh
# with_start.sh -c CONF COMMAND…: a client for all commands ($OTHERS), but another one starts the
# server ($START), because each client starts its own.
for word; do last=$word; done
case $last in
start) exec $START "$@" ;;
restart)
    $OTHERS "$1" "$2" stop
    exec $START "$1" "$2" start ;;
*) exec $OTHERS "$@" ;;
esac
