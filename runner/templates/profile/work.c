/* Two functions of different cost: the example of the template `profile`.
 * Usage: work TERMS. */
#include <stdio.h>
#include <stdlib.h>

static __attribute__((noinline)) double divide(long terms) {
    double sum = 0;
    for (long term = 1; term <= terms; term++) {
        sum += 1.0 / (double)term;
    }
    return sum;
}

static __attribute__((noinline)) double add(long terms) {
    double sum = 0;
    for (long term = 1; term <= terms; term++) {
        sum += (double)term;
    }
    return sum;
}

int main(int argc, char **argv) {
    long terms = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    printf("%g %g\n", divide(terms), add(terms));
    return terms > 0 ? 0 : 2;
}
