/* Where the kernel enters a native program: there is no C library that would do it. */
#ifndef WARDEN_ENTRY_H
#define WARDEN_ENTRY_H

/* The program. Both lists end with NULL; the first argument is the program's name. */
_Noreturn void begin(const char *const *arguments, const char *const *environment);

#endif
