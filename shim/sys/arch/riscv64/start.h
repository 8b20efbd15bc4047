/* The entry point of an executable: the kernel leaves argc, argv, the environment and the auxiliary vector on the stack. The
 * linker addresses data relative to gp, so nothing may be relaxed before gp is set. */
__asm__(".globl _start\n"
        "_start:\n"
        "    .option push\n"
        "    .option norelax\n"
        "    lla gp, __global_pointer$\n"
        "    .option pop\n"
        "    mv s0, zero\n"
        "    mv ra, zero\n"
        "    mv a0, sp\n"
        "    andi sp, sp, -16\n"
        "    call program_entry\n");
