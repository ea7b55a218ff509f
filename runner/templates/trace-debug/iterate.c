/* The logistic map in the type REAL, one line for each step: the example of the template `trace-debug`.
 * Usage: iterate STEPS. A rounding error grows at every step, so float32 leaves float64 behind. */
#include <stdio.h>
#include <stdlib.h>

#ifndef REAL
#define REAL double
#endif

int main(int argc, char **argv) {
    long steps = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    REAL x = (REAL)0.2;
    if (steps <= 0) {
        fprintf(stderr, "usage: iterate STEPS\n");
        return 2;
    }
    printf("map: logistic, r=3.9\n");
    for (long step = 1; step <= steps; step++) {
        x = (REAL)3.9 * x * (1 - x);
        printf("step %ld x=%.9g\n", step, (double)x);
    }
    return 0;
}
