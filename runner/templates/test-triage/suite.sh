#!/bin/sh
# Stands for a test suite: the example of the template `test-triage`. Replace it by your own command.
cat <<'END'
PASSED tests/test_shape.py::test_rows
PASSED tests/test_shape.py::test_columns
FAILED tests/test_units.py::test_length - AssertionError: metres expected, got 1000.0
FAILED tests/test_units.py::test_angle - AssertionError: metres expected, got 57.3
FAILED tests/test_io.py::test_missing - FileNotFoundError: no such file: golden.bin
PASSED tests/test_io.py::test_empty
END
exit 1
