/* Prints what a C library does in a container: the user's name, a thread's answer, and a child's exit code. */
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void *answer(void *number) {
    *(int *)number = 42;
    return NULL;
}

int main(void) {
    int number = 0, status = 0;
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer, &number) != 0 || pthread_join(thread, NULL) != 0) return 2;
    pid_t child = fork();
    if (child == 0) _exit(7);
    if (child < 0 || waitpid(child, &status, 0) != child) return 2;
    struct passwd *user = getpwuid(getuid());
    printf("%s %d %d\n", user ? user->pw_name : "?", number, WEXITSTATUS(status));
    return 0;
}
