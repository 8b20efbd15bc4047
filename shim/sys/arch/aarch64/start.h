/* The entry point of an executable: the kernel leaves argc, argv, the environment and the auxiliary vector on the stack. */
__asm__(".globl _start\n"
        "_start:\n"
        "    mov x29, xzr\n"
        "    mov x30, xzr\n"
        "    mov x0, sp\n"
        "    and sp, x0, #-16\n"
        "    bl program_entry\n");
