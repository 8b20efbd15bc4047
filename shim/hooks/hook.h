/*
 * Functions of both hooks of the library. The hooks replace scripts: a shell, mount(8) and tar(1) would take five times as
 * long as the rest of a container's start. The hooks read only files of the library and of the kernel.
 */
#ifndef WARDEN_HOOK_H
#define WARDEN_HOOK_H

#include "../launcher/entry.h"
#include "../sys/arch/arch.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <stdbool.h>

/* The hook's name, for its messages. */
extern const char hook_name[];

_Noreturn void leave(int code);
/* "HOOK: WORDS ON (errno N)" on stderr, then exit code 1; `on` may be NULL; a result that is no error is not printed. */
_Noreturn void fail(const char *words, const char *on, long result);
_Noreturn void fail_with(int code, const char *words, const char *on, long result);
/* The result, when it is no error. */
long must(long result, const char *words, const char *on);

/* The rest of `text` after `head`; NULL if `text` does not begin with `head`. */
const char *after(const char *text, const char *head);
/* Writes the text without a NUL at `at`; returns the end. */
char *put(char *at, const char *text);
char *put_number(char *at, unsigned long value);
/* The number that a text of digits is. */
unsigned long number(const char *digits);
void write_all(int fd, const char *bytes, unsigned long size, const char *path);

#endif
