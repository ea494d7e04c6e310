#!/bin/sh
# Runs inside the laboratory.
exec ctwatch-tests run
