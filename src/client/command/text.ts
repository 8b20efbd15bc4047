/** What the client prints: answers as lines, and the help of a command. */
import { type DescField, type DescMessage, getOption, isFieldSet, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { description } from '#warden-proto';
import { kinds, utf8 } from '../../proto/message.js';

/** "field : value" a line, nested ones as "info.state", repeated ones as "handles[0]"; what is not set is left out. */
export function lines(schema: DescMessage, message: MessageShape<DescMessage>, prefix = ''): string[] {
  return schema.fields.filter((field) => isFieldSet(message, field)).flatMap((field) => {
    const value = (message as unknown as Record<string, unknown>)[field.localName], name = prefix + field.name;
    if (field.fieldKind === 'list') return (value as unknown[]).flatMap((item, index) => one(field, item, `${name}[${index}]`));
    return one(field, value, name);
  });
}

function one(field: DescField, value: unknown, name: string): string[] {
  if (field.message) return lines(field.message, value as MessageShape<DescMessage>, `${name}.`);
  if (field.enum) return [`${name} : ${field.enum.value[value as number]?.name ?? String(value)}`];
  return [`${name} : ${value instanceof Uint8Array ? utf8(value) : String(value)}`];
}

/** "NetIn" as "net_in". */
function commandName(name: string): string { return name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(); }

const commands = new Map(Object.values(kinds).map((kind) => [commandName(kind.name), kind]));
export function kindOfCommand(name: string): (typeof kinds)[keyof typeof kinds] | undefined { return commands.get(name); }
export const commandNames: readonly string[] = [...commands.keys()].sort();

const TYPES: Partial<Record<ScalarType, string>> = {
  [ScalarType.BYTES]: 'string', [ScalarType.STRING]: 'string', [ScalarType.UINT32]: 'uint32', [ScalarType.UINT64]: 'uint64', [ScalarType.INT32]: 'int32',
};

/** LEGACY_REQUIRED */
const REQUIRED = 3;

function usageOf(field: DescField, prefix = ''): string[] {
  const name = prefix + field.name + (field.fieldKind === 'list' ? '[index]' : '');
  if (field.message) return field.message.fields.flatMap((inner) => usageOf(inner, `${name}.`));
  const type = field.enum ? field.enum.values.map((value) => value.name).join(', ') : TYPES[field.scalar] ?? '';
  const flag = field.scalar === ScalarType.BOOL ? `--${name}` : `--${name} <${field.name}> (${type})`;
  return field.presence as number === REQUIRED && prefix === '' ? [`    ${flag}  # required`] : [`    [${flag}]  # optional`];
}

/** Flags of the fields of a command, without what is in them; none for what is no command. */
export function flagsOf(command: string): string[] { return kindOfCommand(command)?.request.fields.map(({ name }) => `--${name}`) ?? []; }

export function helpOf(command: string): string {
  const { request } = kindOfCommand(command)!;
  return [
    `command: ${command}`, `description: ${descriptionOf(command)}`, `usage: ${command} [options]`, '',
    ...(request.fields.length === 0 ? [] : ['[options] can be one of the following:', '', ...request.fields.flatMap((field) => usageOf(field)), '']),
  ].join('\n');
}

function descriptionOf(command: string): string { return getOption(kindOfCommand(command)!.request, description); }

export function helpOfAll(): string {
  const width = Math.max(...commandNames.map((name) => name.length));
  const rows = [...commandNames.map((name) => [name, descriptionOf(name)] as const), ['help', 'Show help.'] as const];
  return `${rows.map(([name, about]) => `${name.padEnd(width)}  ${about}`).join('\n')}\n\nUse --help with each command for more information.\n`;
}
