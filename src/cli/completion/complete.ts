/** Candidates for a place of a command line, derived from the commands' tables: new commands complete without further code. */
import type { Argument, Command, Option } from 'commander';
import { Container } from '../../index.js';
import { containerDirectory } from '../support/reference.js';

export interface Candidate { readonly value: string; readonly description: string }

/** Candidates, and what the shell itself should complete. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly shell: 'nothing' | 'files' | 'directories';
}

const NOTHING: Completion = { candidates: [], shell: 'nothing' };
const FILES: Completion = { candidates: [], shell: 'files' };

/** The place of the last word in a command line. */
interface WordPlace {
  readonly command: Command;
  readonly operands: readonly string[];
  /** Values of options, by attribute name. */
  readonly given: ReadonlyMap<string, string>;
  /** The option whose value is the last word. */
  readonly valueOf: Option | undefined;
  /** True after "--", or when the words belong to the command line of another program. */
  readonly isPassed: boolean;
  /** Of that command line. */
  readonly passed: readonly string[];
}

/** `words`: those after the program's name; the last one may be incomplete. */
export async function complete(program: Command, words: readonly string[]): Promise<Completion> {
  // bash passes the "=" of --option=value as a word of its own.
  const typed = words.flatMap((word, index) => (index < words.length - 1 && word === '=' ? [] : splitValue(word)));
  const last = typed.at(-1) ?? '', current = last === '=' ? '' : last;
  const place = find(program, typed.slice(0, -1));
  const { candidates, shell } = await at(place, current);
  return { candidates: candidates.filter((candidate) => candidate.value.startsWith(current)), shell };
}

function splitValue(word: string): string[] {
  const match = /^(--[^=]+)=(.*)$/s.exec(word);
  return match ? [match[1]!, match[2]!] : [word];
}

function find(program: Command, words: readonly string[]): WordPlace {
  let command = program, valueOf: Option | undefined;
  const operands: string[] = [], given = new Map<string, string>();
  for (const [index, word] of words.entries()) {
    if (valueOf) {
      given.set(valueOf.attributeName(), word);
      valueOf = undefined;
    } else if (word === '--' || isPassed(command, operands)) {
      return { command, operands, given, valueOf, isPassed: true, passed: words.slice(word === '--' ? index + 1 : index) };
    } else if (word.startsWith('-')) {
      const option = command.options.find(({ long, short }) => word === long || word === short);
      if (option?.required) valueOf = option;
      else if (option) given.set(option.attributeName(), '');
    } else {
      const subcommand = command.commands.find((known) => known.name() === word || known.aliases().includes(word));
      if (subcommand) command = subcommand;
      else operands.push(word);
    }
  }
  return { command, operands, given, valueOf, isPassed: isPassed(command, operands), passed: [] };
}

/** The last argument of commands that pass on a command line takes all words that follow. */
function isPassed(command: Command, operands: readonly string[]): boolean {
  const last = command.registeredArguments.at(-1);
  return last?.name() === 'command' && operands.length >= command.registeredArguments.length;
}

async function at(place: WordPlace, current: string): Promise<Completion> {
  const { command, operands, valueOf } = place;
  if (isClients(place, current)) return requests([...operands, ...place.passed]);
  if (place.isPassed) return FILES;
  if (valueOf) return optionValue(valueOf, place);
  if (current.startsWith('-')) return { ...NOTHING, candidates: options(place) };
  if (command.commands.length > 0 && operands.length === 0) return { ...NOTHING, candidates: subcommands(command) };
  const { registeredArguments: known } = command, last = known.at(-1);
  const argument = known[operands.length] ?? (last?.variadic ? last : undefined);
  return argument ? operand(argument, place) : NOTHING;
}

/** Whether the word is one of a request, not of the client itself. */
function isClients({ command, valueOf, isPassed: isBehind }: WordPlace, current: string): boolean {
  return command.name() === 'client' && !valueOf && (isBehind || !current.startsWith('-'));
}

/** The server's requests, then the fields of the one that was chosen. */
async function requests([name]: readonly string[]): Promise<Completion> {
  const { commandNames, flagsOf } = await import('../../client/command/text.js');
  const values = name === undefined ? [...commandNames, 'help'] : flagsOf(name);
  return { ...NOTHING, candidates: values.map((value) => ({ value, description: '' })) };
}

function subcommands(command: Command): Candidate[] {
  return command.createHelp().visibleCommands(command)
    .map((known) => ({ value: known.name(), description: known.summary() || known.description() }));
}

function options({ command, given }: WordPlace): Candidate[] {
  return command.createHelp().visibleOptions(command)
    .filter((option) => option.long !== undefined && (!given.has(option.attributeName()) || mayRepeat(option)))
    .map((option) => ({ value: option.long!, description: option.description }));
}

/** An option may repeat if its parser takes the previous value, too. */
function mayRepeat(option: Option): boolean { return option.variadic || option.parseArg?.length === 2; }

/** Completes by the word in angle brackets, which describes the value. */
async function optionValue(option: Option, place: WordPlace): Promise<Completion> {
  if (option.argChoices) return { ...NOTHING, candidates: choices(option.argChoices) };
  if (/<job>/.test(option.flags)) return { ...NOTHING, candidates: await jobs(place) };
  if (/<(dir|source:target)>/.test(option.flags)) return { ...NOTHING, shell: 'directories' };
  return /<file>/.test(option.flags) ? FILES : NOTHING;
}

async function operand(argument: Argument, place: WordPlace): Promise<Completion> {
  if (argument.argChoices) return { ...NOTHING, candidates: choices(argument.argChoices) };
  switch (argument.name()) {
    case 'container': case 'target': return { ...NOTHING, candidates: await containers(place) };
    case 'job': return { ...NOTHING, candidates: await (place.command.registeredArguments[0] === argument ? pairs(place) : jobs(place)) };
    case 'file': case 'command': case 'source': case 'place': return FILES;
    default: return NOTHING;
  }
}

function choices(values: readonly string[]): Candidate[] { return values.map((choice) => ({ value: choice, description: '' })); }

function depotOf({ command, given }: WordPlace): string {
  const depot = command.options.find(({ long }) => long === '--depot');
  return given.get('depot') ?? process.env[depot?.envVar ?? ''] ?? depot?.defaultValue as string;
}

async function containers(place: WordPlace): Promise<Candidate[]> {
  const others = (await Container.list(depotOf(place))).filter(({ id }) => !place.operands.includes(id));
  return others.map(({ id }) => ({ value: id, description: 'container' }));
}

/** CONTAINER/JOB */
async function pairs(place: WordPlace): Promise<Candidate[]> {
  const all = await Promise.all((await Container.list(depotOf(place))).map(async (container) => (
    (await container.jobs()).map(({ id }) => ({ value: `${container.id}/${id}`, description: 'job' }))
  )));
  return all.flat().filter(({ value }) => !place.operands.includes(value));
}

async function jobs(place: WordPlace): Promise<Candidate[]> {
  const [container] = place.operands;
  if (container === undefined) return [];
  const opened = await Container.open(containerDirectory(container, depotOf(place)));
  const infos = await Promise.all((await opened.jobs()).map((job) => job.info()));
  return infos.map(({ id, state, argv }) => ({ value: id, description: `${state}: ${argv.join(' ')}` }));
}
