/*
 * A program whose profile is known beforehand: a parent and a child that work 60 to 40, a thread that sleeps, a
 * thread that works, and a shell that it becomes at the end. It prints the processor seconds of each part.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double own_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

__attribute__((noinline)) static unsigned long parent_work(double seconds) {
    unsigned long state = 1;
    while (own_seconds() < seconds)
        for (int i = 0; i < 200000; i++)
            state = state * 6364136223846793005UL + 1;
    return state;
}

__attribute__((noinline)) static unsigned long child_work(double seconds) {
    unsigned long state = 2;
    while (own_seconds() < seconds)
        for (int i = 0; i < 200000; i++)
            state = (state ^ 17) * 6364136223846793005UL;
    return state;
}

__attribute__((noinline)) static unsigned long thread_work(double seconds) {
    unsigned long state = 3;
    while (own_seconds() < seconds)
        for (int i = 0; i < 200000; i++)
            state = (state + 5) * 6364136223846793005UL;
    return state;
}

static volatile unsigned long sink;

static void *sleeper(void *unused) {
    const struct timespec while_asleep = { 0, 700000000 };
    pthread_setname_np(pthread_self(), "sleeper");
    nanosleep(&while_asleep, NULL);
    return unused;
}

static void *worker(void *unused) {
    pthread_setname_np(pthread_self(), "worker");
    sink = thread_work(0.3);
    return unused;
}

int main(int argc, char **argv) {
    pthread_t asleep, working;
    pid_t child;
    pthread_create(&asleep, NULL, sleeper, NULL);
    child = fork();
    if (child == 0) {
        sink = child_work(0.4);
        _exit(0);
    }
    sink = parent_work(0.6);
    pthread_create(&working, NULL, worker, NULL);
    pthread_join(working, NULL);
    pthread_join(asleep, NULL);
    waitpid(child, NULL, 0);
    if (argc > 1 && strcmp(argv[1], "exec") == 0)
        execl(argv[2], argv[2], "alone", (char *)NULL);
    return argc > 1 && strcmp(argv[1], "exec") == 0;
}
