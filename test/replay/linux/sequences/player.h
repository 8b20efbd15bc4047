/* Plays sequences of system calls on Linux and prints each call's result. test/replay/sequences makes the sequences. */
#ifndef WARDEN_SEQUENCES_PLAYER_H
#define WARDEN_SEQUENCES_PLAYER_H

#include <stddef.h>
#include <stdint.h>

#define SLOTS_MAX 256
#define NUMBERS_MAX 128

/* One line of a sequence: a name and numbers. */
struct step {
    const char *name;
    long numbers[NUMBERS_MAX];
    int count;
};

struct operation {
    const char *name;
    void (*run)(const struct step *step);
};

/* Descriptors by the numbers that sequences use; -1 for a slot that is free. */
extern int slots[SLOTS_MAX];

/* The directory for files and socket addresses of this sequence. */
extern const char *directory;

extern const struct operation descriptor_operations[], terminal_operations[], process_operations[], file_operations[], cgroup_operations[];

/* Prints one line of the result: a number, or a negated errno. */
void result(long value);
void result_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* `value` as a system call returned it: -1 becomes the negated errno. */
long outcome(long value);
uint32_t hash(const void *bytes, size_t size);
/* The next `size` bytes of the sequence's stream, which never repeats soon. */
const uint8_t *next_bytes(size_t size);
void put_slot(int slot, int fd);
/* READ, WRITE and HANGUP of the boundary. */
long poll_events(int fd);
/* Takes the blocked signals that wait for this process: a set of bits by their numbers. */
long pending_signals(void);
/* Kills the processes that the sequence has made. */
void end_processes(void);
/* Removes the files that a sequence has made. */
void remove_files(void);
/* Removes the memory groups that a sequence has made. The first call, before the first sequence, gives them their names. */
void remove_groups(void);
/* Sends what was printed so far to the pipe, before a fork or an end. */
void flush_results(void);

#endif
