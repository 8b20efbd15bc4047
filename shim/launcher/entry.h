/* The entry point of a native program, which has no C library. */
#ifndef WARDEN_ENTRY_H
#define WARDEN_ENTRY_H

/* The program. Both lists end with NULL; the first argument is the program's name. */
_Noreturn void begin(const char *const *arguments, const char *const *environment);

#endif
