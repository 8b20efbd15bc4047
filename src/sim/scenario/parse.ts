/** A scenario that a person has written: JSON of scenario.ts's shape. What is not of that shape is refused, with the place and the reason. */
import type { Act, Scenario } from './scenario.js';

/** The text is no scenario; the message is a sentence for whoever wrote it. */
export class ScenarioError extends Error {}

type Check = (value: unknown, where: string) => void;

const COUNT_MAX = 1_000_000_000, TEXT_MAX = 65_536, ENTRIES_MAX = 2_000, CONTAINERS_MAX = 16, CODE_MAX = 255, SIGNAL_MAX = 64;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function refuse(where: string, wanted: string, value: unknown): never {
  throw new ScenarioError(value === undefined ? `${where} is missing: ${wanted}` : `${where} is ${shown(value)}: it has to be ${wanted}`);
}

function whole(low: number, high: number): Check {
  return (value, where) => {
    if (!(Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high)) refuse(where, `a whole number from ${low} to ${high}`, value);
  };
}

const probability: Check = (value, where) => {
  if (!(typeof value === 'number' && value >= 0 && value <= 1)) refuse(where, 'a number from 0 to 1', value);
};
const flag: Check = (value, where) => { if (typeof value !== 'boolean') refuse(where, 'true or false', value); };
const text: Check = (value, where) => {
  if (!(typeof value === 'string' && value.length <= TEXT_MAX && !value.includes('\0'))) refuse(where, `a text of at most ${TEXT_MAX} characters without NUL`, value);
};

function oneOf(...words: readonly (string | number)[]): Check {
  return (value, where) => { if (!words.includes(value as string)) refuse(where, `one of ${words.map((word) => JSON.stringify(word)).join(', ')}`, value); };
}

function list(each: Check, most = ENTRIES_MAX): Check {
  return (value, where) => {
    if (!Array.isArray(value) || value.length > most) refuse(where, `a list of at most ${most} entries`, value);
    value.forEach((entry, index) => each(entry, `${where}[${index}]`));
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function record(required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check {
  return (value, where) => {
    if (!isRecord(value)) refuse(where, 'an object', value);
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(required, name) && !Object.hasOwn(optional, name));
    if (unknown !== undefined) throw new ScenarioError(`${where} has "${unknown}", which nothing asks for: it takes ${[...Object.keys(required), ...Object.keys(optional)].join(', ')}`);
    for (const [name, check] of Object.entries(required)) check(value[name], `${where}.${name}`);
    for (const [name, check] of Object.entries(optional)) if (value[name] !== undefined) check(value[name], `${where}.${name}`);
  };
}

const count = whole(0, COUNT_MAX), texts = list(text), signal = whole(1, SIGNAL_MAX), index = whole(0, ENTRIES_MAX);

const hooks: Check = (value, where) => {
  if (!isRecord(value)) refuse(where, 'an object of scripts by the names of hooks', value);
  for (const [name, script] of Object.entries(value)) text(script, `${where}.${name}`);
};

const reader: Check = (value, where) => {
  if (isRecord(value)) record({ goneAfter: count })(value, where);
  else oneOf('eager', 'late')(value, where);
};

const run: Check = (value, where) => record(isRecord(value) && 'argv' in value ? { argv: texts } : { script: texts })(value, where);

const command = record(
  { run, options: texts, stdout: count, stderr: count, later: count, echoes: flag }, { zeros: count, ends: whole(-SIGNAL_MAX, CODE_MAX) },
);

/** What each act takes besides `do`. scenario.ts says what it means. */
const ACTS: Readonly<Record<Act['do'], readonly [required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>>]>> = {
  wsh: [
    { container: index, command, stdout: reader, stderr: reader },
    { stdin: record({ bytes: count, ends: flag }), terminal: whole(1, 1000), asksFor: whole(1, 1000), keys: texts, sockets: flag },
  ],
  job: [{ container: index, command, options: texts }, { descriptorsMax: whole(4, 65_536) }],
  link: [{ job: index, stdout: reader, stderr: reader }, { cursor: index, sockets: flag }],
  rude: [{
    container: index, bytes: count, closes: flag,
    sends: oneOf('part', 'garbage', 'long', 'version', 'tty', 'arguments', 'limits', 'limit', 'user', 'given', 'surplus', 'tardy', 'signal'),
  }, {}],
  intruder: [{ job: index, socket: oneOf('stdout', 'stderr', 'status'), manner: oneOf('touches', 'chatters', 'stares') }, { count: whole(1, ENTRIES_MAX) }],
  oom: [{ version: oneOf(1, 2), kills: whole(0, 1000), removed: flag }, { follows: flag }],
  miscall: [{ argv: texts, ends: whole(0, CODE_MAX) }, { environment: texts }],
  monitor: [
    { command, options: texts }, { runtime: texts, refuses: flag, bare: flag, preserves: whole(0, 20), startPipe: flag, outOfMemory: flag },
  ],
  attach: [{ monitor: index, sends: count, reads: oneOf('eager', 'late', 'never'), closes: flag }, {}],
  control: [{ monitor: index, fifo: oneOf('ctl', 'winsz', 'notify'), text }, {}],
  signal: [{ to: oneOf('wshd', 'wsh', 'job', 'jobs-wsh', 'command', 'link', 'oom', 'monitor', 'next-start'), index, signal }, {}],
  resize: [{ wsh: index, rows: whole(1, 1000) }, {}],
};

const act: Check = (value, where) => {
  if (!isRecord(value)) refuse(where, 'an object', value);
  oneOf(...Object.keys(ACTS))(value['do'], `${where}.do`);
  const [required, optional] = ACTS[value['do'] as Act['do']];
  record({ do: text, ...required }, optional)(value, where);
};

const scenario = record({
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  habits: record({ shorten: probability, interrupt: probability }),
  containers: list(
    record({ hooks }, { refuses: flag, confined: flag, unmarked: flag, mnt: flag, options: texts, descriptorsMax: whole(4, 65_536) }),
    CONTAINERS_MAX,
  ),
  acts: list(record({ after: count, act }, { until: record({ command: index, written: count }) })),
  faults: record({ errno: probability, kill: probability, stall: probability, jump: probability, most: count }),
});

/** An act names only what an act before it has made. */
function checkNames({ containers, acts }: Scenario): void {
  const made = { container: containers.length, job: 0, monitor: 0 };
  const names = (what: keyof typeof made, number: number, where: string): void => {
    if (number >= made[what]) throw new ScenarioError(`${where}.${what} is ${number}: there are ${made[what]} before this act, and the first is number 0`);
  };
  acts.forEach(({ act: each }, at) => {
    const where = `acts[${at}].act`;
    if ('container' in each) names('container', each.container, where);
    if ('job' in each) names('job', each.job, where);
    if ('monitor' in each) names('monitor', each.monitor, where);
    if (each.do === 'job' || each.do === 'monitor') made[each.do]++;
  });
}

export function parseScenario(json: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new ScenarioError(`the scenario is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  scenario(value, 'scenario');
  checkNames(value as Scenario);
  return value as Scenario;
}
