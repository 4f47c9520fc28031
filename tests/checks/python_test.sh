#!/bin/sh
# Runs a test that is a Python program: python_test.sh FILE [ARG...]
exec python3 "$@"
