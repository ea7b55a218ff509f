/* What the tests of the guard need of the system and a shell does not offer. Compiled by runner/tests/guard.rs.
 *
 *   tries truncate|fchmod|xattr|flags FILE  one call, its error ignored
 *   tries old-kernel PROGRAM ARGUMENT...    runs a program as on a kernel without Landlock and seccomp
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* landlock_create_ruleset has this number on every architecture. */
#define LANDLOCK_CREATE_RULESET 444

static int old_kernel(char **arguments) {
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LANDLOCK_CREATE_RULESET, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rows / sizeof rows[0], rows};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 3;
    execv(arguments[0], arguments);
    return 4;
}

int main(int count, char **arguments) {
    if (count < 3)
        return 2;
    const char *deed = arguments[1], *file = arguments[2];
    if (!strcmp(deed, "old-kernel"))
        return old_kernel(arguments + 2);
    int result = 0;
    if (!strcmp(deed, "truncate"))
        result = truncate(file, 0);
    else if (!strcmp(deed, "xattr"))
        result = setxattr(file, "user.x", "1", 1, 0);
    else if (!strcmp(deed, "flags")) {
        /* As `chattr +d`: needs no descriptor for writing. */
        int flags = 0, descriptor = open(file, O_RDONLY);
        ioctl(descriptor, FS_IOC_GETFLAGS, &flags);
        flags ^= FS_NODUMP_FL;
        result = ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
        close(descriptor);
    } else if (!strcmp(deed, "fchmod")) {
        int descriptor = open(file, O_RDONLY);
        result = fchmod(descriptor, 0600);
        close(descriptor);
    }
    (void)result;
    return 0;
}
