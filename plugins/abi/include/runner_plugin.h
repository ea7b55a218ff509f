/*
 * The C ABI between runner's plugin host and a plugin, version 1. C99; usable from C++.
 *
 * The Rust crate runner-plugin-abi states the same; its test `header` compiles this file and compares every
 * size, offset and constant.
 *
 * A plugin is a dynamic library that exports the one function `runner_plugin_v1` and holds its manifest in
 * the section `.runner_plugin` (see RUNNER_PLUGIN_MANIFEST). Rules that hold for every entry:
 *
 *  - Strings are UTF-8, borrowed for the call, never NUL-terminated.
 *  - Payloads are JSON. A runner_buf is owned by whoever receives it and is released by its own `free`.
 *  - Every call returns a runner_status. When it is not RUNNER_OK, the out-buffer holds an error text.
 *  - Both tables begin with abi_major, abi_minor, struct_size. Fields are only ever appended; a field beyond
 *    struct_size is absent, and so is a null pointer. Set struct_size to sizeof of the table.
 *  - Calls on an instance come from one thread, one at a time. Only `cancel` may come from another thread.
 *  - A library is never unloaded.
 *  - A plugin runs programs, opens artifacts, logs and reads files only through the host's table.
 */
#ifndef RUNNER_PLUGIN_H
#define RUNNER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A plugin of another major version is refused; the number is also in the name of the exported function. */
#define RUNNER_ABI_MAJOR 1u
/* Counts the fields that were appended since. */
#define RUNNER_ABI_MINOR 1u

/* The name of the exported function. */
#define RUNNER_ENTRY_SYMBOL "runner_plugin_v1"
/* The section that holds the manifest. */
#define RUNNER_MANIFEST_SECTION ".runner_plugin"

/* First words of the messages to a program that is watched; see `attach` of runner_plugin. */
#define RUNNER_ATTACH_OPEN 1u
#define RUNNER_ATTACH_GO 2u

/* A borrowed UTF-8 string, valid for the call. `ptr` may be null only when `len` is 0. */
typedef struct runner_str {
    const uint8_t *ptr;
    size_t len; /* bytes */
} runner_str;

/* An owned buffer. The receiver calls free(ptr, len) once, if `free` is set (it is not for static data). */
typedef struct runner_buf {
    uint8_t *ptr;
    size_t len; /* bytes */
    void (*free)(uint8_t *ptr, size_t len);
} runner_buf;

/* What every call returns. An unknown value is read as RUNNER_FAILED. */
typedef int32_t runner_status;
#define RUNNER_OK 0            /* the out-buffer holds the JSON result, or nothing */
#define RUNNER_FAILED 1        /* the work failed; the out-buffer holds the reason */
#define RUNNER_INVALID 2       /* the configuration or the request is not acceptable */
#define RUNNER_CANCELLED 3     /* the plugin stopped because `cancel` was called */
#define RUNNER_PANICKED 4      /* a panic or an exception was caught inside the plugin */
#define RUNNER_OUT_OF_MEMORY 5 /* an allocation failed inside the plugin */
#define RUNNER_UNSUPPORTED 6   /* this plugin, or this host, does not offer the call */

/* Levels of a log line. A warning becomes a surprise in the summary. */
#define RUNNER_LOG_ERROR 1u
#define RUNNER_LOG_WARNING 2u
#define RUNNER_LOG_INFO 3u
#define RUNNER_LOG_DEBUG 4u

/*
 * The host's table. It outlives every instance that was created with it. `log`, `progress` and `cancelled`
 * may be called from any thread, the others only from the thread of the running call. Hand `ctx` back as the
 * first argument.
 */
typedef struct runner_host {
    uint32_t abi_major;
    uint32_t abi_minor;
    size_t struct_size;
    void *ctx;
    /* Writes one line to the run's log. */
    void (*log)(void *ctx, uint32_t level, runner_str message);
    /* Reports progress: `done` of `total` (0 when unknown) units of `what`. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total, runner_str what);
    /* Is not 0 once the run was cancelled: long loops ask it now and then. */
    int (*cancelled)(void *ctx);
    /* Creates the artifact `path` (relative, inside the bundle) and stores a file descriptor that is open for
     * writing in `fd`; the caller closes it. `error` holds the reason of a refusal. */
    runner_status (*artifact)(void *ctx, runner_str path, int *fd, runner_buf *error);
    /* Reads a whole file. A relative path counts from the project root. */
    runner_status (*read)(void *ctx, runner_str path, runner_buf *out);
    /* Runs a program to its end. Request: {"argv": [..], "env": {..}, "timeout_s": 60}. Reply: {"outcome":
     * "ok", "exit_code": 0, "signal": null, "stdout": "..", "stderr": ".."}. The command is recorded. */
    runner_status (*run)(void *ctx, runner_str request, runner_buf *out);
} runner_host;

/* A call on an instance: JSON in, JSON or an error text out. `out` holds nothing before the call. */
typedef runner_status (*runner_call)(void *instance, runner_str input, runner_buf *out);

/* The plugin's table: static data. Entries that do not belong to the plugin's role are null. */
typedef struct runner_plugin {
    uint32_t abi_major; /* RUNNER_ABI_MAJOR */
    uint32_t abi_minor; /* RUNNER_ABI_MINOR */
    size_t struct_size; /* sizeof(runner_plugin) */
    /* The lowest host minor version that the plugin can work with. */
    uint32_t needs_host_minor;
    /* The same bytes as in the manifest section. */
    runner_str manifest;
    /* Makes an instance from the step's `with:` (a JSON object). */
    runner_status (*create)(const runner_host *host, runner_str config, void **instance, runner_buf *out);
    /* Releases an instance; may be null. */
    void (*destroy)(void *instance);
    /* Asks a running call to return soon; may be null. The only entry that another thread may call. */
    void (*cancel)(void *instance);
    /* Kernel: sets up. Out: {"warmup": 1, "iterations": 1, "device": "cpu"}. */
    runner_call prepare;
    /* Kernel: one iteration. In: {"index": 0, "warmup": false}. */
    runner_call iterate;
    /* Kernel: in {"seconds": [..], "asked": 1}; out {"metrics": {"name": {"value": 1.0, "unit": "s"}}}. */
    runner_call finish;
    /* Profiler: begins to sample, on the kernel's thread, after the warm-up. */
    runner_call start;
    /* Profiler: called after every measured iteration, so that it can mark the time. In {"iterations": 3,
     * "seconds": 0.03}; out {"reason": ".."} to ask for another measured iteration, {"reason": null} when there
     * were enough. A reason given before the asked iterations were run has no effect. May be null. */
    runner_call more;
    /* Profiler: ends, writes its artifacts, returns its report. Follows `start` or `attach`. */
    runner_call stop;
    /* Capture: returns the captured JSON. */
    runner_call capture;
    /* Ledger: out ["docs/fix_plan.md", ..], the documents that it wants to see. */
    runner_call documents;
    /* Ledger: a pure function. In {"documents": {path: text}, "record": {..}}; out {"splices": {path:
     * [{"start": 0, "end": 0, "text": ".."}]}, "attempt": 3, "summary": ".."}. */
    runner_call edit;
    /* Profiler (since minor version 1; may be null): begins to watch the program of a `run:` step instead of a
     * kernel. In {"socket": 5, "bundle": "/abs/path"}: a connected SOCK_SEQPACKET descriptor, which the plugin
     * owns from now on, and the bundle, where files of the program may be found after its end. It returns as
     * soon as it listens; the program starts then, and when it has ended comes `stop`.
     *
     * At the other end of the socket is the program's process, just before it becomes the program. It does what
     * it is told, one message at a time, in words of 32 bits: RUNNER_ATTACH_OPEN, the number of a processor, and
     * a struct perf_event_attr (at most 496 bytes) make it call perf_event_open on itself and that processor. It
     * answers with one word, 0 and the descriptor (SCM_RIGHTS), or the errno. RUNNER_ATTACH_GO, any other
     * message, a closed socket, or 10 s of silence let it go on: the program begins. */
    runner_call attach;
} runner_plugin;

/* What a plugin exports: returns its table, or null when it refuses to load. */
typedef const runner_plugin *(*runner_entry)(void);

/*
 * Puts the manifest into its section, where it is read without running the library:
 *
 *     RUNNER_PLUGIN_MANIFEST(manifest, "{\"name\":\"counter\", ... }");
 *
 * Keys: name, version, role (kernel, profiler, capture, ledger), abi ([major, minor]), needs_host_minor,
 * summary, config_schema (JSON Schema 2020-12 of the step's `with:`).
 */
#define RUNNER_PLUGIN_MANIFEST(variable, json) \
    static const char variable[] __attribute__((used, section(".runner_plugin"))) = json

/* The manifest for the table, and any other string literal or character array that ends with NUL. */
#define RUNNER_STR(array) { (const uint8_t *)(array), sizeof(array) - 1 }

/* Makes the entry visible even where everything else is hidden. */
#define RUNNER_PLUGIN_EXPORT __attribute__((visibility("default")))

/* The exported function; a plugin defines it. */
RUNNER_PLUGIN_EXPORT const runner_plugin *runner_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
