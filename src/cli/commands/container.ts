/** A command line that names a container, and then a command with options of its own: NAME [OPTION…] [--] COMMAND [ARGUMENT…]. */
import { Command, type ParseOptionsResult } from 'commander';

export class ContainerCommand extends Command {
  constructor(name: string) {
    super(name);
    this.passThroughOptions();
  }

  /** Passing through begins at the first word that is no option; here, that is the container's name, and then at the next one. */
  override parseOptions(argv: string[]): ParseOptionsResult {
    const { operands: [name, ...rest], unknown } = super.parseOptions(argv);
    if (name === undefined || unknown.length > 0) return { operands: name === undefined ? [] : [name, ...rest], unknown };
    const behind = super.parseOptions(rest);
    return { operands: [name, ...behind.operands], unknown: behind.unknown };
  }
}
