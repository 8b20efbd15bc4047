/* What is fuzzed: which program, what the input's bytes are to it. */
#include "world.h"
#include <stdlib.h>

#define LONG_ARGUMENTS 254
#define LONG_ARGUMENTS_BYTES 1200

void split(const uint8_t *input, size_t size, char *text, const char **list, size_t most) {
    size_t count = 0;
    if (size > TEXT_BYTES - 1) size = TEXT_BYTES - 1;
    memcpy(text, input, size);
    text[size] = 0;
    for (size_t at = 0; at < size && count < most; at += strlen(text + at) + 1) list[count++] = text + at;
    list[count] = NULL;
}

const char *const *arguments_from(const uint8_t **input, size_t *size, const char *const *usual) {
    static char text[TEXT_BYTES];
    static const char *list[ARGUMENTS_MAX + 2] = {program_name};
    if (!*size) return usual;
    size_t bytes = **input;
    ++*input, --*size;
    if (!bytes) return usual;
    if (bytes == LONG_ARGUMENTS) bytes = LONG_ARGUMENTS_BYTES;
    if (bytes > *size) bytes = *size;
    split(*input, bytes, text, list + 1, ARGUMENTS_MAX);
    *input += bytes;
    *size -= bytes;
    return list;
}

void run_from_start(const struct world_options *options, const uint8_t *script, size_t size) {
    rewind_machine();
    begin_world(options);
    set_script(script, size);
    start_and_run();
    enter_machine(ENTER_QUESTIONS, 0, 0);
}

static void run_with_arguments(const char *const *usual, bool patterned, const uint8_t *input, size_t size) {
    struct world_options options = {.arguments = arguments_from(&input, &size, usual), .patterned = patterned};
    run_from_start(&options, input, size);
}

/* --- wshd */

/* PID 1 up to where it serves. */
static void serve_with(const char *const *environment) {
    static const char *const arguments[] = {"wshd: fuzz", NULL};
    // The socket pair is ready: its read gives seven bytes, three places and the word to go on.
    static const uint8_t start[] = {0, READ, 7, 'l', 0, 'r', 0, 'n', 0, 'g'};
    begin_world(&(struct world_options){.arguments = arguments, .environment = environment});
    set_script(NULL, 0);
    if (start_and_run() != RETURNED) abort();
    set_script(start, sizeof start);
    if (run_script() != RETURNED) abort();
    keep_machine();
    keep_world();
}

static void prepare_serving(void) {
    static const char *const environment[] = {"WSHD_CHILD=1", "WSHD_NO_NEW_PRIVS=1", "WSHD_KEEP_GROUPS=1", NULL};
    serve_with(environment);
}

static void prepare_accounts(void) {
    static const char *const environment[] = {"WSHD_CHILD=1", NULL};
    serve_with(environment);
}

static void run_serving(const uint8_t *input, size_t size) {
    rewind_machine();
    rewind_world();
    set_script(input, size);
    run_script();
}

/* A request of protocol 2 for the user and groups that the first text names; the others are /etc/passwd and /etc/group. */
static void run_accounts(const uint8_t *input, size_t size) {
    static const char *const endings[] = {"/etc/passwd", "/etc/group"};
    static uint8_t script[512] = {0, READ, 0xb0, 0xec, 1, 11};
    size_t length = strnlen((const char *)input, size < 255 ? size : 255);
    script[6] = (uint8_t)length;
    memcpy(script + 7, input, length);
    memset(script + 7 + length, 0, 2);
    rewind_machine();
    rewind_world();
    for (size_t i = 0; i < 2; i++) {
        input += length + (length < size);
        size -= length + (length < size);
        length = strnlen((const char *)input, size);
        world.options.files[i] = (struct world_file){.ending = endings[i], .bytes = input, .size = length};
    }
    set_script(script, 7 + strnlen((const char *)script + 7, 255) + 2);
    run_script();
}

/* A whole request comes; what is in the input is /etc/passwd. The first byte chooses the request; of 255 it is of protocol 2. */
static void run_passwd(const uint8_t *input, size_t size) {
    if (!size) return;
    if (*input == 0xff) return run_accounts(input + 1, size - 1);
    const uint8_t script[] = {0, READ, 0xb0, 0xe8, *input, 0};
    rewind_machine();
    rewind_world();
    world.file = input + 1;
    world.file_end = input + size;
    set_script(script, sizeof script);
    run_script();
}

/* A first byte of 253: it confines itself, by a set and a filter, too; of 252: without them, in its parent's network; of 251: by a set
 * alone. */
static void run_child(const uint8_t *input, size_t size) {
    static const char *const arguments[] = {"wshd: fuzz", NULL}, *const plain[] = {"WSHD_CHILD=1", NULL};
    static const char *const confining[] = {"WSHD_CHILD=1", "WSHD_CONFINE=1", "WSHD_CAPABILITIES=33", "WSHD_FILTER=1", NULL};
    static const char *const leaving[] = {"WSHD_CHILD=1", "WSHD_CONFINE=1", "WSHD_SHARE_NETWORK=1", NULL},
                             *const bounding[] = {"WSHD_CHILD=1", "WSHD_CAPABILITIES=33", NULL};
    bool confines = size && *input >= 0xfb && *input <= 0xfd;
    const char *const *environment = !confines ? plain : *input == 0xfd ? confining : *input == 0xfc ? leaving : bounding;
    run_from_start(&(struct world_options){.arguments = arguments, .environment = environment}, input + confines, size - confines);
}

static void run_parent(const uint8_t *input, size_t size) {
    static const char *const usual[] = {"wshd", "--run", "run", "--lib", "lib", "--root", "root", NULL};
    run_with_arguments(usual, false, input, size);
}

/* --- wsh */

static void run_response(const uint8_t *input, size_t size) {
    static const char *const usual[] = {"wsh", "--socket", "run/wshd.sock", "true", NULL};
    run_with_arguments(usual, false, input, size);
}

/* Of any_kind(): a pipe to be read. */
#define A_PIPE 9
/* stdin is there, no terminal; the socket is not marked, so its wshd knows protocol 1 alone. */
static const uint8_t unmarked[] = {0, A_PIPE, 0, 0x80};

/* The input is the command line. */
/* A first byte of 254 or 253: the program is called warden-ssh, and one variable names its socket, or its depot; of 252: its wshd
 * knows protocol 1 alone. */
static void run_command_line(const uint8_t *input, size_t size) {
    static const char *const socket[] = {"WSH_SOCKET=run/wshd.sock", NULL}, *const depot[] = {"WARDEN_DEPOT=/depot", NULL};
    static char text[TEXT_BYTES];
    static const char *list[ARGUMENTS_MAX + 2];
    const char *const *environment = !size ? NULL : *input == 0xfe ? socket : *input == 0xfd ? depot : NULL;
    bool old = size && *input == 0xfc, chosen = environment || old;
    list[0] = environment ? "/bin/warden-ssh" : "wsh";
    split(input + chosen, size - chosen, text, list + 1, ARGUMENTS_MAX);
    run_from_start(
        &(struct world_options){.arguments = list, .environment = environment}, old ? unmarked : NULL, old ? sizeof unmarked : 0);
}

/* The input is the environment; with a first byte of 254 the command line, an empty argument, the environment; of 253
 * its wshd knows protocol 1 alone. */
static void run_limits(const uint8_t *input, size_t size) {
    static const char *const usual[] = {"wsh", "true", NULL};
    static char text[TEXT_BYTES];
    static const char *list[ARGUMENTS_MAX + 2] = {"wsh"};
    bool given = size && *input == 0xfe, old = size && *input == 0xfd, chosen = given || old;
    split(input + chosen, size - chosen, text, list + 1, ARGUMENTS_MAX);
    size_t end = 1;
    while (given && list[end] && *list[end]) end++;
    const char *const *environment = list + end + (given && list[end]);
    list[end] = given ? NULL : list[end];
    run_from_start(&(struct world_options){.arguments = given ? list : usual, .environment = environment}, old ? unmarked : NULL,
        old ? sizeof unmarked : 0);
}

/* --- the others */

/* A first byte of 255: the host says where to go on from, in the eight bytes behind it. */
static void run_link(const uint8_t *input, size_t size) {
    static const char *const usual[] = {"iomux-link", "job", NULL};
    bool resumes = size > 9 && *input == 0xff;
    if (!resumes) return run_with_arguments(usual, true, input, size);
    rewind_machine();
    begin_world(&(struct world_options){.arguments = usual, .patterned = true});
    note_saved_before(input + 1);
    enter_machine(ENTER_RESUME, big_endian(input + 1), big_endian(input + 5));
    set_script(input + 9, size - 9);
    start_and_run();
    enter_machine(ENTER_QUESTIONS, 0, 0);
}

/* The input is the cursor file, then the script. */
static void run_cursor(const uint8_t *input, size_t size) {
    static const char *const usual[] = {"iomux-link", "-w", "cursor", "job", NULL};
    run_from_start(&(struct world_options){.arguments = usual, .patterned = true}, input, size);
}

static void run_spawn(const uint8_t *input, size_t size) {
    static const char *const usual[] = {"iomux-spawn", "--ring", "4K", "--slow", "drop", "--linger", "1", "job", "cat", NULL};
    static const char *const waits[] = {"iomux-spawn", "--ring", "8K", "job", "/bin/cat", "file", NULL};
    static const char *const path[] = {"PATH=/bin::/usr/bin", NULL};
    // More directories than are looked at.
    static const char *const many[] = {"PATH=::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::", NULL};
    if (!size || !(*input & 0x80)) return run_with_arguments(usual, true, input, size);
    struct world_options options = {.environment = *input & 1 ? path : *input & 2 ? many : NULL, .patterned = true};
    const char *const *arguments = *input & 4 ? usual : waits;
    input++, size--;
    options.arguments = arguments_from(&input, &size, arguments);
    run_from_start(&options, input, size);
}

static void run_oom(const uint8_t *input, size_t size) {
    static const char *const usual[] = {"oom", "/sys/fs/cgroup/memory/job", NULL};
    run_with_arguments(usual, false, input, size);
}

/* Of no program's: the input chooses a trap of hostile/traps.ts. */
static void run_traps(const uint8_t *input, size_t size) {
    begin_world(&(struct world_options){.arguments = NULL});
    enter_machine(ENTER_SIGNAL, size ? *input : 0, 0);
}

static const struct {
    const char *program;
    struct target target;
} all[] = {
    {"wshd", {"wshd", prepare_serving, run_serving, false}},
    {"wshd", {"passwd", prepare_accounts, run_passwd, false}},
    {"wshd", {"wshd-child", NULL, run_child, false}},
    {"wshd", {"wshd-parent", NULL, run_parent, false}},
    {"wsh", {"response", NULL, run_response, false}},
    {"wsh", {"rsh", NULL, run_command_line, false}},
    {"wsh", {"limits", NULL, run_limits, false}},
    {"iomux-link", {"link", NULL, run_link, false}},
    {"iomux-link", {"cursor", NULL, run_cursor, false}},
    {"iomux-spawn", {"spawn", NULL, run_spawn, false}},
    {"oom", {"oom", NULL, run_oom, false}},
    {"warden-runtime", {"config", NULL, run_config, true}},
    {"warden-runtime", {"seccomp", NULL, run_seccomp, true}},
    {"warden-runtime", {"process", NULL, run_process, true}},
    {"warden-runtime", {"state", NULL, run_state, true}},
    {"warden-runtime", {"runtime-options", NULL, run_runtime_options, false}},
    {"monitor", {"monitor", NULL, run_monitor, false}},
    {"monitor", {"attach", prepare_attach, run_attach, false}},
    {"monitor", {"monitor-options", NULL, run_monitor_options, false}},
    {"traps", {"traps", NULL, run_traps, false}},
};

const struct target *find_target(const char *name) {
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].program, program_name) == 0 && strcmp(all[i].target.name, name) == 0) return &all[i].target;
    return NULL;
}
