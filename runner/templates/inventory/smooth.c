/* Two loops to be found: the example of the template `inventory`. */

void smooth(double *image, long rows, long columns) {
    for (long row = 0; row < rows; row++) {
        for (long column = 1; column < columns; column++) {
            image[row * columns + column] += 0.5 * image[row * columns + column - 1];
        }
    }
}
