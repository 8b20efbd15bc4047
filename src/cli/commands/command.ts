/** What a command's table entry is: it is added to the program, and its work is loaded only when it is asked for. */
import type { Command } from 'commander';

/** Told once, by the action: the exit code of the whole command. */
export type Exit = (code: number) => void;

/** Adds one command with its options, help and action; nothing else is done before that command is called. */
export type Define = (program: Command, exit: Exit) => void;
