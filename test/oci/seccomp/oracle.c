/*
 * What libseccomp makes of a profile. On stdin, a line each:
 *
 *   default ACTION | arch NAME | rule ACTION CALL [INDEX OP VALUE VALUE2]...
 *
 * ACTION is a number of SCMP_ACT_, OP one of SCMP_CMP_, CALL a name. On stdout the filter. A call that libseccomp does not know
 * is passed over, as runc does. optimize N sets how it is made.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(int result, const char *what) {
    if (result >= 0) return;
    fprintf(stderr, "%s: %s\n", what, strerror(-result));
    exit(1);
}

int main(void) {
    static char line[1 << 16];
    scmp_filter_ctx filter = NULL;
    while (fgets(line, sizeof line, stdin)) {
        char *word = strtok(line, " \n");
        if (!word) continue;
        if (!strcmp(word, "default")) {
            filter = seccomp_init((uint32_t)strtoul(strtok(NULL, " \n"), NULL, 0));
            if (!filter) must(-EINVAL, "seccomp_init");
            must(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad architecture");
            must(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
        } else if (!strcmp(word, "arch")) {
            int result = seccomp_arch_add(filter, seccomp_arch_resolve_name(strtok(NULL, " \n")));
            if (result != -EEXIST) must(result, "seccomp_arch_add");
        } else {
            uint32_t action = (uint32_t)strtoul(strtok(NULL, " \n"), NULL, 0);
            const char *name = strtok(NULL, " \n");
            int call = seccomp_syscall_resolve_name(name);
            struct scmp_arg_cmp comparisons[32];
            unsigned count = 0;
            if (call == __NR_SCMP_ERROR) continue;
            for (char *index; (index = strtok(NULL, " \n")) && count < 32; count++) {
                comparisons[count].arg = (unsigned)strtoul(index, NULL, 0);
                comparisons[count].op = (enum scmp_compare)strtoul(strtok(NULL, " \n"), NULL, 0);
                comparisons[count].datum_a = strtoull(strtok(NULL, " \n"), NULL, 0);
                comparisons[count].datum_b = strtoull(strtok(NULL, " \n"), NULL, 0);
            }
            must(seccomp_rule_add_array(filter, action, call, count, comparisons), name);
        }
    }
    must(seccomp_export_bpf(filter, STDOUT_FILENO), "seccomp_export_bpf");
    return 0;
}
