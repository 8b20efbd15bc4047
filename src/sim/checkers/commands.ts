/** wsh as its caller sees it: the command's output, whole and in order, its exit code, and a word where that says too little. */
import { EXIT_UNKNOWN } from '../../vocabulary.js';
import { patternMismatch } from '../pattern.js';
import type { Process } from '../process.js';
import { type Pty, ptyOf } from '../pty.js';
import { hasTerminal } from '../scenarios/scenario.js';
import type { Stage, StagedWsh } from '../scenarios/stage.js';
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

  /** Whenever its command does something: a wsh that has nothing left to do has given it a terminal like its own. */
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
    // Before its next step a signal, or a size, may be on its way; where it is stopped, the terminal is its caller's.
    if (process.ended || process.stopped || process.busy || process.ready()) return;
    const sizes = [local, remote].map(({ size }) => `${size.rows}x${size.columns}`);
    holds(sizes[0] === sizes[1], 'terminal', () => `${process.name} has a terminal of ${sizes[0]}, its command one of ${sizes[1]}`);
    holds(!local.settings.cooked, 'terminal', () => `${process.name} relays from a terminal that is not raw`);
  }

  released(): void {
    for (const wsh of this.stage.wshs) this.check(wsh);
    for (const { program: { process, exitCode, stderr }, plan } of this.stage.miscalls) {
      const words = (): string => `${plan.argv.join(' ')} ends with ${exitCode ?? 'nothing'} and says ${JSON.stringify(stderr!.text)}`;
      if (!this.blame.hit(process)) holds(exitCode === plan.ends, 'exit-code', words);
      holds(stderr!.length > 0 || this.blame.hit(process), 'message', words);
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

  /** What was hit may fail, but not in silence, nor with the code of a success. */
  private toldSo({ program, plan }: StagedWsh): boolean {
    const said = program.terminal ? program.terminal.screen.text : program.stderr!.text;
    if (this.blame.wasMisled(program.process)) return true;
    if (program.exitCode === 0) return false;
    // What wshd had to say about the command may be what was hit.
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
    const least = command.echoes && whole ? plan.stdin?.bytes ?? 0 : command.later > 0 ? Math.min(written, command.stdout) : written;
    holds(stdout!.length >= least, 'output', () => `${process.name} passed on ${stdout!.length} of the ${least} bytes that its command wrote to stdout`);
    if (whole && !command.echoes) holds(written >= command.stdout, 'input', () => `the command of ${process.name} did not get its input`);
  }

  /** stderr: the command's own pattern, then what wshd or wsh has to say about its end. */
  private checkWords({ program: { process, exitCode }, number, plan: { command } }: StagedWsh, bytes: Uint8Array): void {
    const written = this.facts.written(number, STDERR_FD);
    const own = bytes.subarray(0, written), differs = patternMismatch(STDERR_FD, 0, own), at = differs < 0 ? own.length : differs;
    holds(at === written, 'output', () => `${process.name} passed on ${at} of the ${written} bytes that its command wrote to stderr`);
    const words = new TextDecoder().decode(bytes.subarray(at)), runs = this.facts.process(number), signal = runs?.killedBy;
    if (signal !== undefined) {
      const expected = `wsh: the command was killed by signal ${signal} `;
      holds(words.startsWith(expected), 'message', () => `${process.name} says ${JSON.stringify(words)} of a command that signal ${signal} killed`);
    } else if (runs) {
      holds(words === '', 'message', () => `${process.name} ends with ${exitCode} and says ${JSON.stringify(words)}`);
    } else {
      const about = command.options[1] ?? ('argv' in command.run ? command.run.argv[0]! : '');
      holds(words.startsWith('wshd: ') && words.includes(about), 'message', () => `${process.name} says ${JSON.stringify(words)} of ${about}`);
    }
  }

  private checkTerminal({ program: { process, exitCode, terminal }, plan: { command }, number }: StagedWsh): void {
    if (this.blame.hit(process)) return;
    const code = this.facts.exitCode(number, command);
    // What its shell still had to show went to a terminal that was hung up: that is told instead.
    const isCutOff = exitCode === EXIT_UNKNOWN && terminal !== undefined && terminal.pty.hangups > 0;
    holds(exitCode === code || isCutOff, 'exit-code', () => `${process.name} ends with ${exitCode}, its shell with ${code}`);
    holds(terminal?.pty.settings.cooked ?? true, 'terminal', () => `${process.name} leaves its terminal raw`);
  }
}

function ptyIn(process: Process): Pty | undefined {
  const stdin = process.descriptors.get(0);
  return stdin && ptyOf(stdin);
}
