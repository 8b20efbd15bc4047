/* Files in which src/core/rootfs states what a hook does. Each field ends with a NUL; numbers are decimal. */
#ifndef WARDEN_STEPS_H
#define WARDEN_STEPS_H

#include "hook.h"

struct step {
    const char *name;
    void (*take)(void);
};

/* Reads the file, whose fields are then taken one by one. False when there is no such file. */
bool read_steps(const char *path);
char *field(void);
unsigned long number_field(void);
/* The next bytes, which belong to no field. */
const char *bytes_field(unsigned long size);
/* Takes all steps of the file: each is a name, and the fields that its function takes. */
void take_steps(const struct step *steps, unsigned count);

#endif
