#define WARDEN_ENTRY_POINT
#include "../sys/arch/arch.h"
#include "entry.h"
#include <linux/auxvec.h>

/* The compiler uses the first name, start.h the second. */
extern uintptr_t __stack_chk_guard;
void program_entry(const uintptr_t *stack);

uintptr_t __stack_chk_guard;

/* Reads the stack as the kernel leaves it: argc, argv, NULL, environment, NULL, auxiliary vector. execve(2), getauxval(3) */
__attribute__((noreturn, used, no_stack_protector)) void program_entry(const uintptr_t *stack) {
    const char *const *arguments = (const char *const *)(stack + 1);
    const char *const *environment = arguments + stack[0] + 1;
    const uintptr_t *auxiliary = (const uintptr_t *)environment;
    while (*auxiliary++) {}
    for (; auxiliary[0] != AT_NULL; auxiliary += 2)
        if (auxiliary[0] == AT_RANDOM) __stack_chk_guard = *(const uintptr_t *)auxiliary[1] & ~(uintptr_t)0xff;
    begin(arguments, environment);
}
