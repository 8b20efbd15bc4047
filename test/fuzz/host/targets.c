/* What is fuzzed: which program, what the input's bytes are to it. */
#include "world.h"
#include <stdlib.h>

#define TEXT_BYTES 10240
#define LONG_ARGUMENTS 254
#define LONG_ARGUMENTS_BYTES 1200

/* NUL-terminated strings of the input as a list; what is behind `size` is not looked at. */
static void split(const uint8_t *input, size_t size, char *text, const char **list, size_t most) {
    size_t count = 0;
    if (size > TEXT_BYTES - 1) size = TEXT_BYTES - 1;
    memcpy(text, input, size);
    text[size] = 0;
    for (size_t at = 0; at < size && count < most; at += strlen(text + at) + 1) list[count++] = text + at;
    list[count] = NULL;
}

/* The program's name, then arguments: when the input's first byte is not 0, so many of its bytes, or very many; else `usual`. */
static const char *const *arguments_from(const uint8_t **input, size_t *size, const char *const *usual) {
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

static void run_from_start(const struct world_options *options, const uint8_t *script, size_t size) {
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
static void prepare_serving(void) {
    static const char *const arguments[] = {"wshd: fuzz", NULL}, *const environment[] = {"WSHD_CHILD=1", NULL};
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

static void run_serving(const uint8_t *input, size_t size) {
    rewind_machine();
    rewind_world();
    set_script(input, size);
    run_script();
}

/* A whole request comes; what is in the input is /etc/passwd. The first byte chooses the request. */
static void run_passwd(const uint8_t *input, size_t size) {
    if (!size) return;
    const uint8_t script[] = {0, READ, 0xb0, 0xe8, *input, 0};
    rewind_machine();
    rewind_world();
    world.file = input + 1;
    world.file_end = input + size;
    set_script(script, sizeof script);
    run_script();
}

static void run_child(const uint8_t *input, size_t size) {
    static const char *const arguments[] = {"wshd: fuzz", NULL}, *const environment[] = {"WSHD_CHILD=1", NULL};
    run_from_start(&(struct world_options){.arguments = arguments, .environment = environment}, input, size);
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

/* The input is the command line. */
static void run_command_line(const uint8_t *input, size_t size) {
    static char text[TEXT_BYTES];
    static const char *list[ARGUMENTS_MAX + 2] = {"wsh"};
    split(input, size, text, list + 1, ARGUMENTS_MAX);
    run_from_start(&(struct world_options){.arguments = list}, NULL, 0);
}

/* The input is the environment. */
static void run_limits(const uint8_t *input, size_t size) {
    static const char *const arguments[] = {"wsh", "true", NULL};
    static char text[TEXT_BYTES];
    static const char *list[ARGUMENTS_MAX + 1];
    split(input, size, text, list, ARGUMENTS_MAX);
    run_from_start(&(struct world_options){.arguments = arguments, .environment = list}, NULL, 0);
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

static const struct { const char *program; struct target target; } all[] = {
    {"wshd", {"wshd", prepare_serving, run_serving}},
    {"wshd", {"passwd", prepare_serving, run_passwd}},
    {"wshd", {"wshd-child", NULL, run_child}},
    {"wshd", {"wshd-parent", NULL, run_parent}},
    {"wsh", {"response", NULL, run_response}},
    {"wsh", {"rsh", NULL, run_command_line}},
    {"wsh", {"limits", NULL, run_limits}},
    {"iomux-link", {"link", NULL, run_link}},
    {"iomux-link", {"cursor", NULL, run_cursor}},
    {"iomux-spawn", {"spawn", NULL, run_spawn}},
    {"oom", {"oom", NULL, run_oom}},
    {"traps", {"traps", NULL, run_traps}},
};

const struct target *find_target(const char *name) {
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].program, program_name) == 0 && strcmp(all[i].target.name, name) == 0) return &all[i].target;
    return NULL;
}
