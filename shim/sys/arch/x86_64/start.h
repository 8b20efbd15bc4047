/* The entry point of an executable: the kernel leaves argc, argv, the environment and the auxiliary vector on the stack. */
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call program_entry\n");
