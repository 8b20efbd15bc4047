/** Checks wsh as its caller sees it: output whole and in order, exit code, and a message where the code says too little. */
import { EXIT_UNKNOWN } from '../../boundary/constants.js';
import { patternMismatch } from '../script/pattern.js';
import type { Process } from '../kernel/process.js';
import { type Pty, ptyOf } from '../kernel/tty/pty.js';
import { type Command, hasTerminal } from '../scenario/scenario.js';
import type { Stage, StagedWsh } from '../scenario/stage.js';
import type { Blame } from './blame.js';
import { type Checker, holds, Violation } from './checker.js';
import type { Facts } from './facts.js';

const STDERR_FD = 2;

export class CommandsChecker implements Checker {
  constructor(private readonly stage: Stage, private readonly blame: Blame, private readonly facts: Facts) {
    stage.listeners.push((program, fd, bytes) => {
      const wsh = fd === 1 ? stage.wshs.find((each) => each.program === program) : undefined;
      if (wsh) this.read(wsh, bytes);
    });
  }

  private read({ program, plan }: StagedWsh, bytes: Uint8Array): void {
    if (hasTerminal(plan)) return;
    const position = program.stdout!.length - bytes.length, at = patternMismatch(plan.command.echoes ? 0 : 1, position, bytes);
    holds(at < 0, 'stream', () => `${program.process.name}: stdout is not what the command wrote, at byte ${position + at}`);
  }

  /** At each step of its command: a wsh that is idle has given the command a terminal like its own. */
  script(process: Process): void {
    const wsh = this.stage.wshs.find(({ plan, number }) => plan.terminal !== undefined && this.facts.process(number) === process);
    if (wsh) this.checkMirrored(wsh, process);
  }

  quiet(): void {
    for (const wsh of this.stage.wshs) {
      const command = wsh.plan.terminal === undefined ? undefined : this.facts.process(wsh.number);
      if (command && !command.ended) this.checkMirrored(wsh, command);
    }
  }

  private checkMirrored({ program: { process, terminal } }: StagedWsh, command: Process): void {
    const local = terminal!.pty, remote = ptyIn(command);
    if (!remote || remote.hangups > 0 || local.hangups > 0 || this.blame.hit(process)) return;
    // A signal or a size may be on its way before wsh's next step. While wsh is stopped, the terminal belongs to its caller.
    if (process.ended || process.stopped || process.busy || process.ready()) return;
    const sizes = [local, remote].map(({ size }) => `${size.rows}x${size.columns}`);
    holds(sizes[0] === sizes[1], 'terminal', () => `${process.name} has a terminal of ${sizes[0]}, its command one of ${sizes[1]}`);
    holds(!local.settings.cooked, 'terminal', () => `${process.name} relays from a terminal that is not raw`);
  }

  released(): void {
    for (const wsh of this.stage.wshs) this.check(wsh);
    for (const { program: { process, exitCode, stdout, stderr }, plan } of this.stage.miscalls) {
      const words = (): string => `${plan.argv.join(' ')} ends with ${exitCode ?? 'nothing'} and prints ${JSON.stringify(stderr!.text)}`;
      if (!this.blame.hit(process)) holds(exitCode === plan.ends, 'exit-code', words);
      holds(stdout!.length + stderr!.length > 0 || this.blame.hit(process), 'message', words);
    }
  }

  private check(wsh: StagedWsh): void {
    const { process } = wsh.program, isHit = this.blame.hit(process) || this.blame.hitContainer(wsh.plan.container);
    holds(process.ended, 'nobody-waits', () => `${process.name} does not end`);
    if (process.killedBy !== undefined) return this.checkKilled(wsh, isHit);
    try {
      if (hasTerminal(wsh.plan)) this.checkTerminal(wsh);
      else this.checkStrictly(wsh);
    } catch (violation) {
      if (!(violation instanceof Violation) || !isHit || !this.toldSo(wsh)) throw violation;
    }
  }

  private checkKilled({ program: { process }, plan, number }: StagedWsh, isHit: boolean): void {
    const raised = plan.command.options.includes('--raise') && process.killedBy === this.facts.process(number)?.killedBy;
    holds(isHit || raised || plan.terminal !== undefined, 'exit-code', () => `${process.name} was killed`);
  }

  /** A process that was hit may fail, but with a message, and not with the exit code of a success. */
  private toldSo({ program, plan }: StagedWsh): boolean {
    const said = program.terminal ? program.terminal.screen.text : program.stderr!.text;
    if (this.blame.wasMisled(program.process)) return true;
    if (program.exitCode === 0) return false;
    // The message may be one of wshd's, which was hit.
    if (this.blame.hitContainer(plan.container)) return true;
    return said.includes('wsh') || this.blame.wasSilenced(program.process) || typeof plan.stderr === 'object';
  }

  private checkStrictly(wsh: StagedWsh): void {
    const { program: { process, exitCode, stdout, stderr }, plan: { command, ...plan }, number } = wsh;
    const code = this.facts.exitCode(number, command);
    holds(exitCode === code, 'exit-code', () => `${process.name} ends with ${exitCode}, its command with ${code ?? 'nothing yet'}`);
    if (typeof plan.stderr !== 'object') this.checkWords(wsh, stderr!.bytes);
    if (typeof plan.stdout === 'object') return;
    const written = this.facts.written(number, 1);
    const whole = command.ends !== undefined && this.facts.process(number)?.exitCode === command.ends;
    const least = command.echoes && whole ? plan.stdin?.bytes ?? 0 : sureOutput(command, written);
    holds(stdout!.length >= least, 'output', () => `${process.name} passed on ${stdout!.length} of the ${least} bytes that its command wrote to stdout`);
    if (whole && !command.echoes) holds(written >= command.stdout, 'input', () => `the command of ${process.name} did not get all of its input`);
  }

  /** stderr: the command's own pattern, then a message of wshd's or wsh's about its end. */
  private checkWords({ program: { process, exitCode }, number, plan: { command, container } }: StagedWsh, bytes: Uint8Array): void {
    const written = this.facts.written(number, STDERR_FD);
    const own = bytes.subarray(0, written), differs = patternMismatch(STDERR_FD, 0, own), at = differs < 0 ? own.length : differs;
    holds(at === written, 'output', () => `${process.name} passed on ${at} of the ${written} bytes that its command wrote to stderr`);
    const words = new TextDecoder().decode(bytes.subarray(at)), runs = this.facts.process(number), signal = runs?.killedBy;
    if (signal !== undefined) {
      const isTold = ['-v', '--verbose'].some((option) => command.options.includes(option));
      holds(isTold ? words.startsWith(`wsh: the command was killed by signal ${signal} `) : words === '', 'message', () => `${process.name} prints ${JSON.stringify(words)} for a command that signal ${signal} killed`);
    } else if (runs) {
      holds(words === '', 'message', () => `${process.name} ends with ${exitCode} and prints ${JSON.stringify(words)}`);
    } else {
      const about = subjectOf(command, this.stage.scenario.containers[container]!.unmarked === true);
      holds(/^wshd?: /.test(words) && words.includes(about), 'message', () => `${process.name} prints ${JSON.stringify(words)} instead of ${about}`);
    }
  }

  private checkTerminal({ program: { process, exitCode, terminal }, plan: { command }, number }: StagedWsh): void {
    if (this.blame.hit(process)) return;
    const code = this.facts.exitCode(number, command);
    // After a hangup wsh reports the lost output instead of its shell's exit code, and cannot restore the terminal.
    const isHungUp = terminal !== undefined && terminal.pty.hangups > 0, isCutOff = exitCode === EXIT_UNKNOWN && isHungUp;
    holds(exitCode === code || isCutOff, 'exit-code', () => `${process.name} ends with ${exitCode}, its shell with ${code}`);
    holds(isHungUp || (terminal?.pty.settings.cooked ?? true), 'terminal', () => `${process.name} leaves its terminal raw`);
  }
}

/** What a sentence about a command that did not start names. `isFirst`: protocol 1, which carries no option but --user. */
function subjectOf({ options: [option, value], run }: Command, isFirst: boolean): string {
  const file = 'argv' in run ? run.argv[0]! : '';
  if (option === '--user') return value!;
  // A variable is no reason to fail.
  if (option === undefined || (option === '--env' && !isFirst)) return file;
  return isFirst ? option : value ?? file;
}

function ptyIn(process: Process): Pty | undefined {
  const stdin = process.descriptors.get(0);
  return stdin && ptyOf(stdin);
}

/** The part of what a command has written that comes before its end: a child that it leaves behind writes later. */
function sureOutput({ later, stdout }: Command, written: number): number { return later > 0 ? Math.min(written, stdout) : written; }
