#!/bin/sh
# Runs inside the laboratory: scenarios by this way to attach, those that the other words choose.
export CTWATCH_LAB_SOURCE="$1"
shift
exec ctwatch-tests run "$@"
