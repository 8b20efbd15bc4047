/** The process of each command, and how much it had written when it ended, as the kernel knows it. */
import { EXIT_UNKNOWN } from '../../boundary/constants.js';
import { ScriptRunner } from '../script/runner.js';
import type { Process } from '../kernel/process.js';
import type { Command } from '../scenario/scenario.js';
import { scriptPath } from '../scenario/stage.js';
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

  /** wsh's exit code: the command's, or the one for "unknown" when a signal killed the command; undefined while undecided. */
  exitCode(number: number, command: Command): number | undefined {
    const process = this.process(number);
    if (!process) return 'argv' in command.run ? command.ends : undefined;
    return process.ended ? process.exitCode ?? EXIT_UNKNOWN : undefined;
  }
}
