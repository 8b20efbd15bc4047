/** A command whose line names a container, and then another command with its own options: NAME [OPTION…] [--] COMMAND [ARGUMENT…]. */
import { Command, type ParseOptionsResult } from 'commander';

export class ContainerCommand extends Command {
  constructor(name: string) {
    super(name);
    this.passThroughOptions();
  }

  /** Commander stops parsing options at the first operand. That is the container's name, so the words behind it are parsed again. */
  override parseOptions(argv: string[]): ParseOptionsResult {
    const { operands: [name, ...rest], unknown } = super.parseOptions(argv);
    if (name === undefined || unknown.length > 0) return { operands: name === undefined ? [] : [name, ...rest], unknown };
    const behind = super.parseOptions(rest);
    return { operands: [name, ...behind.operands], unknown: behind.unknown };
  }
}
