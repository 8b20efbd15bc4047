#include "hook.h"

#define MESSAGE_BYTES 9000
/* The name, the errno and the newline. */
#define REST_BYTES 100

void leave(int code) {
    for (;;) sys(exit_group, code);
}

void __stack_chk_fail(void);
__attribute__((noreturn)) void __stack_chk_fail(void) { fail("a stack frame was overwritten", NULL, 0); }

char *put(char *at, const char *text) {
    while (*text) *at++ = *text++;
    return at;
}

static char *put_some(char *at, const char *end, const char *text) {
    while (at < end && *text) *at++ = *text++;
    return at;
}

char *put_number(char *at, unsigned long value) {
    if (value >= 10) at = put_number(at, value / 10);
    *at = (char)('0' + value % 10);
    return at + 1;
}

void fail(const char *words, const char *on, long result) { fail_with(1, words, on, result); }

void fail_with(int code, const char *words, const char *on, long result) {
    static char message[MESSAGE_BYTES];
    const char *end = message + MESSAGE_BYTES - REST_BYTES;
    char *at = put(put(message, hook_name), ": ");
    at = put_some(at, end, words);
    if (on) at = put_some(put(at, " "), end, on);
    if (result < 0) at = put(put_number(put(at, " (errno "), (unsigned long)-result), ")");
    *at++ = '\n';
    sys(write, 2, message, at - message);
    leave(code);
}

long must(long result, const char *words, const char *on) {
    if (result < 0) fail(words, on, result);
    return result;
}

const char *after(const char *text, const char *head) {
    while (*head && *text == *head) text++, head++;
    return *head ? NULL : text;
}

unsigned long number(const char *digits) {
    unsigned long value = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++) value = value * 10 + (unsigned long)(*digits - '0');
    return value;
}

void write_all(int fd, const char *bytes, unsigned long size, const char *path) {
    while (size) {
        long written = must(sys(write, fd, bytes, size), "cannot write to", path);
        bytes += written;
        size -= (unsigned long)written;
    }
}
