/* Stands for the program that is timed: the example of the template `benchmark`.
 * Usage: work TERMS. Adds the first terms of the harmonic series. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    long terms = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    double sum = 0;
    for (long term = 1; term <= terms; term++) {
        sum += 1.0 / (double)term;
    }
    printf("%.17g\n", sum);
    return terms > 0 ? 0 : 2;
}
