/** A command's entry in the table. Its action is loaded only when the command is called. */
import type { Command } from 'commander';

/** Called once, by the action, with the exit code of the process. */
export type Exit = (code: number) => void;

/** Adds one command with its options, help and action to the program. */
export type Define = (program: Command, exit: Exit) => void;
