/* Times a command: part of the template `benchmark`.
 * Usage: bench WARMUP RUNS ALLOWED ROOT STAMP PROGRAM [ARGUMENT...]
 * Runs PROGRAM without a shell, output thrown away, and prints the times as JSON. The bundle to compare with is
 * the newest one below ROOT, before STAMP, whose run was complete. One run at a time, by the monotonic clock. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double once(char **argv) {
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY);
        if (nothing >= 0) {
            dup2(nothing, STDOUT_FILENO);
        }
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("bench");
        exit(1);
    }
    double seconds = now() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench: `%s` failed with wait status %d\n", argv[0], status);
        exit(1);
    }
    return seconds;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A whole small file, or NULL. */
static char *text_of(const char *root, const char *stamp, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s", root, stamp, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, 1 << 20);
    if (text != NULL) {
        size_t length = fread(text, 1, (1 << 20) - 1, file);
        text[length] = 0;
    }
    fclose(file);
    return text;
}

/* The least time of the newest complete bundle before `stamp`; 0 when there is none. */
static double previous(const char *root, const char *stamp, char *newest, size_t size) {
    double found = 0;
    DIR *directory = opendir(root);
    newest[0] = 0;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        const char *name = entry->d_name;
        if (name[0] == '.' || strcmp(name, stamp) >= 0 || strcmp(name, newest) <= 0) {
            continue;
        }
        char *state = text_of(root, name, "state.json"), *times = text_of(root, name, "benchmark.json");
        char *status = state == NULL ? NULL : strstr(state, "\"status\"");
        char *least = times == NULL ? NULL : strstr(times, "\"seconds_min\": ");
        if (status != NULL && least != NULL && strncmp(status + 8 + strspn(status + 8, " :"), "\"complete\"", 10) == 0) {
            found = strtod(least + strlen("\"seconds_min\": "), NULL);
            snprintf(newest, size, "%s", name);
        }
        free(state);
        free(times);
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return found;
}

int main(int argc, char **argv) {
    int warmup = argc > 6 ? atoi(argv[1]) : -1, runs = argc > 6 ? atoi(argv[2]) : 0;
    if (warmup < 0 || runs < 1 || runs > 100000) {
        fprintf(stderr, "usage: bench WARMUP RUNS ALLOWED ROOT STAMP PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    double allowed = strtod(argv[3], NULL);
    double *seconds = calloc((size_t)runs, sizeof *seconds);
    if (seconds == NULL) {
        return 1;
    }
    for (int run = 0; run < warmup; run++) {
        once(argv + 6);
    }
    for (int run = 0; run < runs; run++) {
        seconds[run] = once(argv + 6);
    }
    printf("{\n  \"seconds\": [");
    for (int run = 0; run < runs; run++) {
        printf("%s%.9f", run == 0 ? "" : ", ", seconds[run]);
    }
    qsort(seconds, (size_t)runs, sizeof *seconds, ascending);
    double median = (seconds[(runs - 1) / 2] + seconds[runs / 2]) / 2;
    char newest[256];
    double before = previous(argv[4], argv[5], newest, sizeof newest);
    printf("],\n  \"warmup\": %d,\n  \"seconds_min\": %.9f,\n  \"seconds_median\": %.9f,\n", warmup, seconds[0], median);
    printf("  \"seconds_max\": %.9f,\n  \"allowed\": %g,\n", seconds[runs - 1], allowed);
    if (before > 0) {
        printf("  \"previous\": \"%s\",\n  \"previous_seconds_min\": %.9f,\n", newest, before);
        printf("  \"regressed\": %s,\n  \"unknown\": {}\n}\n", seconds[0] > allowed * before ? "true" : "false");
    } else {
        printf("  \"previous\": null,\n  \"previous_seconds_min\": null,\n  \"regressed\": false,\n");
        printf("  \"unknown\": {\"previous_seconds_min\": \"no complete bundle before this one\"}\n}\n");
    }
    return 0;
}
