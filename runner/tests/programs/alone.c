/* Works on one thread; ends by a signal when it is told to, and takes memory without end when told to. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double own_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static volatile unsigned long sink;

__attribute__((noinline)) static unsigned long lonely_work(double seconds) {
    unsigned long state = 4;
    while (own_seconds() < seconds)
        for (int i = 0; i < 200000; i++)
            state = (state - 9) * 6364136223846793005UL;
    return state;
}

int main(int argc, char **argv) {
    const char *deed = argc > 1 ? argv[1] : "";
    /* After an exec the thread's clock goes on. */
    sink = lonely_work(own_seconds() + 0.4);
    if (strcmp(deed, "signal") == 0)
        raise(SIGSEGV);
    while (strcmp(deed, "memory") == 0) {
        char *block = malloc(4 << 20);
        if (block == NULL)
            return 1;
        memset(block, 1, 4 << 20);
        sink = lonely_work(own_seconds() + 0.005);
    }
    return 0;
}
