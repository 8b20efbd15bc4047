/* Targets of warden-runtime, whose inputs are documents, and of the monitor. */
#include "world.h"
#include <stdlib.h>

#define DOCUMENT_BYTES 65536
#define STATE_AT "/state.json"

static const char state_text[] =
    "{\"pid\":7,\"pidStart\":42,\"bundle\":\"/b\",\"groups\":[\"/sys/fs/cgroup/g\",\"/sys/fs/cgroup/pids/g\"]}";
/* proc(5): the start is field 22. */
static const char stat_text[] = "7 (a b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 42 0 0";

static struct world_file file_of(const char *ending, const char *text) {
    return (struct world_file){ending, (const uint8_t *)text, strlen(text)};
}

/* --- warden-runtime: a document up to the first NUL, then the script; below 0x20, the first byte chooses the command */

struct command {
    const char *arguments[12];
};

/* Runs one of the commands, with the document where `ending` says, wrapped in what goes before and behind. */
static void run_document(
    const struct command *commands, size_t count, const char *const wrap[2], const char *ending, const uint8_t *input, size_t size) {
    static char document[DOCUMENT_BYTES + 1024];
    bool chooses = size && *input < 0x20;
    const struct command *command = &commands[chooses ? *input % count : 0];
    input += chooses, size -= chooses;
    const uint8_t *end = size ? memchr(input, 0, size) : NULL;
    size_t length = end ? (size_t)(end - input) : size, behind = end ? length + 1 : length, before = strlen(wrap[0]);
    if (length > DOCUMENT_BYTES) return;
    memcpy(document, wrap[0], before);
    memcpy(document + before, input, length);
    strcpy(document + before + length, wrap[1]);
    struct world_file given = {ending, (const uint8_t *)document, before + length + strlen(wrap[1])};
    run_from_start(
        &(struct world_options){
            .arguments = command->arguments,
            .files = {given, file_of("7/stat", stat_text), file_of(STATE_AT, state_text)},
        },
        input + behind, size - behind);
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *const bare[2] = {"", ""};

static const struct command creating[] = {
    {{"warden-runtime", "create", "--bundle", "/b", "--pid-file", "/b/pid", "one", NULL}},
    {{"warden-runtime", "--log", "/log", "--log-format=json", "run", "one", NULL}},
    {{"warden-runtime", "--cgroup-manager", "disabled", "create", "--console-socket", "/b/console", "one", NULL}},
    {{"warden-runtime", "run", "--detach", "--keep", "--preserve-fds=2", "--no-pivot", "--no-new-keyring", "one", NULL}},
};

void run_config(const uint8_t *input, size_t size) { run_document(creating, COUNT(creating), bare, "/config.json", input, size); }

void run_seccomp(const uint8_t *input, size_t size) {
    static const char *const around[2] = {
        "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"/a\"],\"cwd\":\"/\",\"user\":{}},\"root\":{\"path\":\"r\"},\"linux\":{"
        "\"namespaces\":[{\"type\":\"mount\"}],\"seccomp\":",
        "}}",
    };
    run_document(creating, COUNT(creating), around, "/config.json", input, size);
}

void run_process(const uint8_t *input, size_t size) {
    static const struct command commands[] = {
        {{"warden-runtime", "exec", "--process", "/p.json", "--pid-file", "/pid", "--detach", "one", NULL}},
        {{"warden-runtime", "exec", "-p", "/p.json", "--console-socket", "/console", "--preserve-fds", "1", "one", NULL}},
        {{"warden-runtime", "update", "-r", "/p.json", "one", NULL}},
    };
    run_document(commands, COUNT(commands), bare, "/p.json", input, size);
}

void run_state(const uint8_t *input, size_t size) {
    static const struct command commands[] = {
        {{"warden-runtime", "state", "one", NULL}},
        {{"warden-runtime", "start", "one", NULL}},
        {{"warden-runtime", "delete", "one", NULL}},
        {{"warden-runtime", "delete", "--force", "one", NULL}},
        {{"warden-runtime", "kill", "--all", "one", "KILL", NULL}},
        {{"warden-runtime", "kill", "one", NULL}},
        {{"warden-runtime", "ps", "--format", "json", "one", NULL}},
        {{"warden-runtime", "ps", "one", NULL}},
        {{"warden-runtime", "list", "--format=json", NULL}},
        {{"warden-runtime", "list", NULL}},
        {{"warden-runtime", "pause", "one", NULL}},
        {{"warden-runtime", "resume", "one", NULL}},
        {{"warden-runtime", "events", "one", NULL}},
        {{"warden-runtime", "events", "--stats", "one", NULL}},
        {{"warden-runtime", "exec", "--cwd", "/", "-u", "1:2", "-e", "A=b", "one", "true", NULL}},
        {{"warden-runtime", "update", "--memory", "1m", "--pids-limit=7", "one", NULL}},
    };
    run_document(commands, COUNT(commands), bare, STATE_AT, input, size);
}

/* The input is the command line, up to an empty argument; then the script. */
static void run_options_of(
    const char *const *environment, const struct world_file *files, size_t count, const uint8_t *input, size_t size) {
    static char text[TEXT_BYTES];
    static const char *list[ARGUMENTS_MAX + 2] = {program_name};
    struct world_options options = {.arguments = list, .environment = environment};
    size_t length = 0;
    while (length < size && (input[length] || length == 0 || input[length - 1])) length++;
    memcpy(options.files, files, count * sizeof *files);
    split(input, length, text, list + 1, ARGUMENTS_MAX);
    input += length, size -= length;
    run_from_start(&options, input + !!size, size - !!size);
}

void run_runtime_options(const uint8_t *input, size_t size) {
    static const char *const environment[] = {"XDG_RUNTIME_DIR=/run/user/1", NULL};
    const struct world_file files[] = {file_of("7/stat", stat_text), file_of(STATE_AT, state_text)};
    run_options_of(environment, files, COUNT(files), input, size);
}

/* --- the monitor */

static const char *const pipes[] = {"_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4", "_OCI_ATTACHPIPE=5", "XDG_RUNTIME_DIR=/run", NULL};
static const char *const no_pipes[] = {NULL};

static struct world_file pid_file(void) { return file_of("/pid", "77"); }

void run_monitor_options(const uint8_t *input, size_t size) {
    const struct world_file files[] = {pid_file()};
    run_options_of(pipes, files, COUNT(files), input, size);
}

#define MONITOR \
    "monitor", "--api-version", "1", "-c", "abcdefabcdefabcdef", "-u", "u", "-n", "name", "-r", "/r", "-b", "/b", "-p", "/b/pid", \
        "--exit-dir", "/e"

static const char *const monitors[][34] = {
    {MONITOR, "-l", "k8s-file:/b/log", "-i", "--sync", "--persist-dir", "/b", "--exit-command", "/x", "--exit-command-arg", "a", NULL},
    {MONITOR, "-l", "k8s-file:/b/log", "--log-size-max", "300", "--log-max-files", "2", "--conmon-pidfile", "/b/m", NULL},
    {MONITOR, "-l", "json-file:/b/log", "--sync", "-t", "--timeout=1", "--exit-delay", "1", NULL},
    {MONITOR, "-l", "journald", "--sync", "--log-tag", "tag", "--log-label", "A=b", "--leave-stdin-open", "-i", NULL},
    {MONITOR, "-l", "none", "--sync", "-e", "--exec-attach", "--exec-process-spec", "/b/p.json", "-i", NULL},
    {MONITOR, "-l", "passthrough", "--sync", "--no-sync-log", "--runtime-arg", "--log=/l", "--runtime-opt", "--preserve-fds",
        "--runtime-opt", "2", NULL},
    {MONITOR, "-l", "k8s-file:/b/log", "--sync", "--log-global-size-max", "400", "-l", "none", "--restore", "/c", "-s", NULL},
};

/* The first byte chooses how it was started; then the script. */
void run_monitor(const uint8_t *input, size_t size) {
    uint8_t choice = size ? *input : 0;
    run_from_start(
        &(struct world_options){
            .arguments = monitors[choice % COUNT(monitors)],
            .environment = choice & 0x80 ? no_pipes : pipes,
            .files = {pid_file()},
        },
        input + !!size, size - !!size);
}

/* A container that runs, with input, a log and clients; the script goes on from there. */
void prepare_attach(void) {
    // The start pipe's byte, then SIGCHLD: the runtime, the first child, has ended with 0.
    static const uint8_t start[] = {0, READ, 1, 'x', 0xc0 + 17, 0, 0x60};
    begin_world(&(struct world_options){.arguments = monitors[0], .environment = no_pipes, .files = {pid_file()}});
    set_script(NULL, 0);
    if (start_and_run() != RETURNED) abort();
    set_script(start + 4, sizeof start - 4);
    if (run_script() != RETURNED) abort();
    keep_machine();
    keep_world();
}

void run_attach(const uint8_t *input, size_t size) {
    rewind_machine();
    rewind_world();
    set_script(input, size);
    run_script();
}
