"""The program that is measured."""


def run(size):
    total = 0.0
    for step in range(size):
        total += (step % 7) * 0.5
    return 2.0e-7 * size * size + total * 0.0
