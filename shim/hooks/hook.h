/*
 * What the library's own hooks have in common. They take the place of scripts, for a shell, mount(8) and tar(1) cost five
 * times what all the rest of a container's start does. They read nothing but what the library wrote and the kernel says.
 */
#ifndef WARDEN_HOOK_H
#define WARDEN_HOOK_H

#include "../launcher/entry.h"
#include "../sys/syscall.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <stdbool.h>

/* The hook's name, for what it says. */
extern const char hook_name[];

_Noreturn void leave(int code);
/* "HOOK: WORDS ON (errno N)" on stderr, exit code 1; `on` may be NULL, the errno is left out where the result is none. */
_Noreturn void fail(const char *words, const char *on, long result);
/* The result, when it is no error. */
long must(long result, const char *words, const char *on);

/* The rest of `text` behind `head`; NULL when it does not begin with it. */
const char *after(const char *text, const char *head);
/* Writes the text, without a NUL, at `at`; where it ends. */
char *put(char *at, const char *text);
/* The number that a text of digits is. */
unsigned long number(const char *digits);
void write_all(int fd, const char *bytes, unsigned long size, const char *path);

#endif
