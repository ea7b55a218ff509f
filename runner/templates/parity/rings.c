/* Rings around the centre of a square image, in the type REAL: the example of the template `parity`.
 * Usage: rings PIXELS FILE. Writes PIXELS x PIXELS values, little endian on the usual machines. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef REAL
#define REAL double
#endif

int main(int argc, char **argv) {
    long pixels = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    FILE *file = pixels > 0 ? fopen(argv[2], "wb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: rings PIXELS FILE\n");
        return 2;
    }
    for (long row = 0; row < pixels; row++) {
        for (long column = 0; column < pixels; column++) {
            REAL x = (REAL)column - (REAL)pixels / 2, y = (REAL)row - (REAL)pixels / 2;
            REAL radius = (REAL)sqrt((double)(x * x + y * y));
            REAL value = (REAL)(2 + cos((double)(radius * (REAL)0.2)));
            if (fwrite(&value, sizeof value, 1, file) != 1) {
                perror(argv[2]);
                return 1;
            }
        }
    }
    return fclose(file) == 0 ? 0 : 1;
}
