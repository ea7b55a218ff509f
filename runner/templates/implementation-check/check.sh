#!/bin/sh
# Stands for targeted tests: the example of the template `implementation-check`. Replace it by your own command.
set -eu
sum=$((40 + 2))
test "$sum" -eq 42
echo "ok: the sum is $sum"
