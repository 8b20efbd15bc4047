/** Who ran which command, and what it had written when it ended: as the kernel knows it. */
import { EXIT_UNKNOWN } from '../../vocabulary.js';
import { ScriptRunner } from '../interpreter.js';
import type { Process } from '../process.js';
import type { Command } from '../scenarios/scenario.js';
import { scriptPath } from '../scenarios/stage.js';
import type { Checker } from './checker.js';

export class Facts implements Checker {
  /** By the path of the script. */
  private readonly commands = new Map<string, Process>();

  executed(process: Process): void {
    const path = process.argv[1];
    if (!process.program && path !== undefined && !this.commands.has(path)) this.commands.set(path, process);
  }

  /** The process of a command's script; undefined when it was never executed. */
  process(number: number): Process | undefined { return this.commands.get(scriptPath(number)); }

  /** Bytes of pattern that the command has written to a descriptor. */
  written(number: number, fd: number): number {
    const runner = this.process(number)?.runner;
    return runner instanceof ScriptRunner ? runner.written.get(fd) ?? 0 : 0;
  }

  /** What wsh has to end with: the command's exit code, or that there is none: a signal killed it; undefined when that is not decided. */
  exitCode(number: number, command: Command): number | undefined {
    const process = this.process(number);
    if (!process) return 'argv' in command.run ? command.ends : undefined;
    return process.ended ? process.exitCode ?? EXIT_UNKNOWN : undefined;
  }
}
